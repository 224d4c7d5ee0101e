"""Stands in for the Kubernetes API towards the exporter: lists and watches the pods, as the kubelet knows them.

A kubelet without an API server knows its static pods with state and container ids; that is what the exporter would hear.
"""

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from demo.vm.guest.scrape import Kubelet

Json = dict[str, Any]
_LOOK_S = 2.0


def serve(kubelet: Kubelet, address: tuple[str, int], pki: Path) -> None:
    """Serve in threads of this process until it ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Connection", "close")
            self.end_headers()
            if "watch=true" in self.path:
                _follow(self, kubelet)
            else:
                self.wfile.write(json.dumps({"metadata": {"resourceVersion": "1"}, "items": kubelet.pods()}).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
    server = ThreadingHTTPServer((address[0], address[1]), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _follow(handler: BaseHTTPRequestHandler, kubelet: Kubelet) -> None:
    """Tell every pod whose state has changed since it was told last."""
    told: dict[str, str] = {}
    for version in range(2, 1_000_000):
        for pod in kubelet.pods():
            uid, text = pod["metadata"]["uid"], json.dumps(pod, sort_keys=True)
            if told.get(uid) != text:
                told[uid] = text
                pod["metadata"]["resourceVersion"] = str(version)
                handler.wfile.write(json.dumps({"type": "MODIFIED", "object": pod}).encode() + b"\n")
        handler.wfile.flush()
        time.sleep(_LOOK_S)
