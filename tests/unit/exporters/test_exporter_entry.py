"""The command says what is missing instead of showing a traceback."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
WITHOUT = "import sys; sys.modules['prometheus_client'] = None; from exporters.entry import main; main()"


def test_without_the_extra_it_names_the_package_and_the_remedy() -> None:
    ended = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "needs the Python package prometheus_client" in ended.stderr
    assert "in the folder of Foresail's source, type: pip install '.[exporter]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nothing_heavy_that_only_the_service_needs_is_taken_along() -> None:
    program = (
        "import sys, contextlib; from exporters.entry import main; sys.argv = ['foresail-exporter', '--help']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "print([name for name in ('rich.console', 'numpy', 'kubernetes_asyncio', 'typer') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
