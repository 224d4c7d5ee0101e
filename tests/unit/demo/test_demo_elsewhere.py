"""Where the embedded cluster cannot start, the demonstration says what can be seen without it."""

from pathlib import Path

from demo.__main__ import way_out
from demo.cluster import ClusterError


def test_where_the_cluster_cannot_start_a_replay_is_pointed_to() -> None:
    text = way_out(ClusterError("it runs Darwin: the cluster needs Linux"), came_up=False)
    assert "it runs Darwin" in text
    (command,) = (line.split() for line in text.splitlines() if "replay" in line)
    assert Path(command[0]).is_file()
    assert command[1:] == ["replay", "--sample", "--report", "replay.html"]


def test_a_failure_of_the_cluster_itself_points_nowhere_else() -> None:
    assert "replay" not in way_out(ClusterError("a process ended"), came_up=True)
