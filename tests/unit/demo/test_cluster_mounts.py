"""Reading the mount table."""

from pathlib import Path

from demo.cluster.mounts import is_mounted, mounts_under, parse_mount_points

TABLE = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,relatime - proc proc rw
40 22 0:4 net:[4026532] /cache/run/netns rw - nsfs nsfs rw
41 22 0:50 / /cache/run/kubelet/pods/a/volumes/with\040blank rw - tmpfs tmpfs rw
42 22 0:51 / /cache/run/containerd/rootfs rw - overlay overlay rw
43 22 0:52 / /cache/running rw - tmpfs tmpfs rw
44 42 0:53 / /cache/run/containerd/rootfs rw - tmpfs tmpfs rw
"""


def test_mount_points_are_read_with_their_escapes() -> None:
    assert parse_mount_points(TABLE)[3] == Path("/cache/run/kubelet/pods/a/volumes/with blank")


def test_what_is_mounted_below_a_folder_is_listed_newest_first_and_neighbours_are_not(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert mounts_under(Path("/cache/run"), table) == [
        Path("/cache/run/containerd/rootfs"),
        Path("/cache/run/containerd/rootfs"),
        Path("/cache/run/kubelet/pods/a/volumes/with blank"),
        Path("/cache/run/netns"),
    ]


def test_the_disk_on_which_a_folder_lies_is_not_below_it(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert mounts_under(Path("/cache/running"), table) == []
    assert is_mounted(Path("/cache/running"), table)
    assert not is_mounted(Path("/cache/run"), table)
