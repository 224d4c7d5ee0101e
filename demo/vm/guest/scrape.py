"""Asks the kubelet and the exporter what they expose, again and again, and keeps every answer with its moments."""

import json
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_TIMEOUT_S = 30
_REUSED_S = 0.75  # so soon after an answer the exporter may give the same one again, which tells of an earlier moment


class Kubelet:
    """The kubelet's own server, asked with the certificate of a client that it trusts.

    The connection is kept: without hardware virtualization a handshake costs more than the answer.
    """

    def __init__(self, address: str, pki: Path) -> None:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "apiserver-kubelet-client.crt", pki / "apiserver-kubelet-client.key")
        self._connection = HTTPSConnection(address, timeout=_TIMEOUT_S, context=context)
        self._lock = threading.Lock()

    def get(self, path: str) -> bytes:
        """Return an answer; raises OSError."""
        with self._lock:
            try:
                self._connection.request("GET", path)
                answer = self._connection.getresponse()
                body = answer.read()
            except (HTTPException, OSError) as error:
                self._connection.close()
                raise OSError(f"asking the kubelet for {path} failed: {error!r}") from error
        if answer.status != HTTPStatus.OK:
            raise OSError(f"the kubelet answered {path} with {answer.status}: {body[:200]!r}")
        return body

    def is_up(self) -> bool:
        """Say whether it answers."""
        try:
            return self.get("/healthz") == b"ok"
        except OSError:
            return False

    def pods(self) -> list[Json]:
        """Return its pods with their state."""
        return list(json.loads(self.get("/pods")).get("items") or ())


@dataclass(slots=True)
class Scraper:
    """Both sources, and the folder that takes their answers."""

    kubelet: Kubelet
    exporter_host: str
    exporter_port: int
    folder: Path
    _index: list[Json] = field(default_factory=list)
    _answered_s: float = 0.0  # when the exporter did last

    def is_up(self) -> bool:
        """Say whether the exporter is ready."""
        try:
            self.metrics("/readyz")
        except OSError:
            return False
        return True

    def kubelet_knows(self, containers: Iterable[str]) -> bool:
        """Say whether the kubelet shows CPU time for each of these containers: it has read each of them once."""
        text = self.kubelet.get("/metrics/cadvisor").decode()
        lines = [line for line in text.splitlines() if line.startswith("container_cpu_usage_seconds_total{")]
        return all(any(f'container="{name}"' in line for line in lines) for name in containers)

    def go(self, scrape_s: float, round_s: float, kubelet_round_s: float) -> None:
        """Scrape for so many seconds, the exporter every round and the kubelet now and then, and write all of it down.

        The kubelet answers from samples that are up to its housekeeping interval old, and says of each how old it is: the
        exporter is asked so often because its values around that very moment are what they are compared with.
        """
        end_s = time.monotonic() + scrape_s
        ask_kubelet_s = time.monotonic() + kubelet_round_s
        while (begun_s := time.monotonic()) < end_s:
            self._ask_exporter()
            if time.monotonic() >= ask_kubelet_s:
                ask_kubelet_s += kubelet_round_s
                self._keep("kubelet", lambda: self.kubelet.get("/metrics/cadvisor"))
            time.sleep(max(0.0, begun_s + round_s - time.monotonic()))
        self._keep("kubelet", lambda: self.kubelet.get("/metrics/cadvisor"))
        self._ask_exporter()

    def _ask_exporter(self) -> None:
        time.sleep(max(0.0, self._answered_s + _REUSED_S - time.monotonic()))
        self._keep("exporter", self.metrics)
        self._answered_s = time.monotonic()

    def once(self, other: "Scraper", source: str) -> None:
        """Scrape another exporter once and keep that beside our own."""
        self._keep(source, other.metrics)

    def _keep(self, source: str, get: Callable[[], bytes]) -> None:
        begun_s = time.time()
        body = get()
        ended_s = time.time()
        name = f"{len(self._index):03}-{source}.txt"
        (self.folder / name).write_bytes(body)
        self._index.append({"source": source, "file": name, "begun_s": begun_s, "ended_s": ended_s})
        (self.folder / "index.json").write_text(json.dumps(self._index), encoding="utf-8")

    def metrics(self, path: str = "/metrics") -> bytes:
        """Return an answer of the exporter; raises OSError."""
        url = f"http://{self.exporter_host}:{self.exporter_port}{path}"
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return bytes(answer.read())


def status_of(words: str) -> dict[str, str]:
    """Return what /proc says of the process with these words in its command: who it is, what it may, its size."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if words in (folder / "cmdline").read_text(encoding="utf-8", errors="replace"):
                    return _status(folder)
            except OSError:
                continue
    return {}


def _status(folder: Path) -> dict[str, str]:
    lines = (folder / "status").read_text(encoding="utf-8").splitlines()
    wanted = {"Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "VmHWM", "VmRSS", "NSpid"}
    rows = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in rows if name in wanted}
