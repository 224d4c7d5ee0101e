"""A log that nobody takes does no harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = (
    "import logging, structlog\n"
    "from exporters.log import configure\n"
    "from exporters.settings import Log\n"
    "configure(Log())\n"
    "for _ in range(3):\n"
    "    structlog.get_logger().warning('spoken')\n"
    "    logging.getLogger('library').warning('spoken')\n"
    "print('alive')\n"
)


@pytest.mark.parametrize("to", ["/dev/full", "closed pipe", "nothing", "file"])
def test_the_program_goes_on_wherever_its_log_goes(to: str, tmp_path: Path) -> None:
    if to == "closed pipe":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(to if to == "/dev/full" else tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    command = [sys.executable, "-c", PROGRAM]
    if to == "nothing":
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    try:
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=writing, text=True, check=False)
    finally:
        os.close(writing)
    assert ended.stdout == "alive\n"
    assert ended.returncode == 0
    if to == "file":
        assert (tmp_path / "log").read_text().count("spoken") == 6
