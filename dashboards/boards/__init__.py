"""The boards, one file each; a new one is written beside them and named in this list."""

from collections.abc import Callable, Mapping

from grafanalib.core import Dashboard

from dashboards.boards import workload

BOARDS: Mapping[str, Callable[[], Dashboard]] = {"foresail-workload": workload.board}
