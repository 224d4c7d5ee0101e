"""The exporter as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


@contextmanager
def running(*flags: str, **options: object) -> Iterator[tuple[str, subprocess.Popen[str], list[dict[str, object]]]]:
    """Start the exporter as a process of its own and wait until it listens; yields its address and its log so far."""
    command = [sys.executable, "-c", "from exporters.cli import main; main()", *flags, "--log.format=json"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, **options)
    assert process.stderr is not None
    lines: list[dict[str, object]] = []
    try:
        for line in process.stderr:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "listening":
                break
        yield f"http://127.0.0.1:{lines[-1]['port']}", process, lines
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - always the process above
        body: bytes = response.read()
    return body.decode()
