"""The table of mounts is read again when the kernel says that it changed, and then only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.cgroup.mounts import MountTable

OWN = "/proc/self/mountinfo"


def test_the_kernels_own_table_is_the_same_object_until_it_changes() -> None:
    table = MountTable()
    first = table.read(OWN)
    assert first == Path(OWN).read_bytes()
    assert table.read(OWN) is first
    table.close()
    assert table.read(OWN) == first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_mount_is_seen_at_the_next_look() -> None:
    program = (
        "import subprocess, tempfile\n"
        "from exporters.cgroup.mounts import MountTable\n"
        "table = MountTable()\n"
        f"before = table.read('{OWN}')\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    subprocess.run(['mount', '-t', 'tmpfs', 'foresail', folder], check=True)\n"
        f"    assert folder.encode() in table.read('{OWN}')\n"
        "    subprocess.run(['umount', folder], check=True)\n"
        f"assert table.read('{OWN}') == before\n"
    )
    unshared = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", program]
    done = subprocess.run(unshared, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    if "unshare failed" in done.stderr:
        pytest.skip(f"no mount namespace can be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def test_an_ordinary_file_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "mountinfo"
    table = MountTable()
    for content in (b"one\n", b"two\n"):
        file.write_bytes(content)
        assert table.read(str(file)) == content
    first = table.read(str(file))
    assert table.read(str(file)) is first


def test_a_table_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MountTable().read(str(tmp_path / "nothing"))
