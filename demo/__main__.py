"""`make demo`: the whole loop on a real cluster, on this machine."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from demo import run
from demo.cluster import Cluster, ClusterError
from demo.cluster.report import reporter_for
from demo.constants import PLAN, SEASON

INTRODUCTION = """\
This brings up a real single-node Kubernetes 1.36 inside a network namespace of its own, installs Foresail's chart in it, and
drives {days} compressed days of traffic ({minutes:.0f} min) at two twins of an app: one with the forecast, one without.
It needs Linux, root and the package registries (Debian, PyPI, Go modules); the first time it builds Kubernetes from source
(up to 18 min on two cores), later it starts in about a minute. All it leaves is in the cache folder and .venv: `make clean`.
"""


ELSEWHERE = """\
What Foresail does can be seen on any machine with Python alone, over recorded load and beside the HPA:
    {program} replay --sample --report replay.html
"""


def way_out(error: ClusterError, *, came_up: bool) -> str:
    """Return why the demonstration ends, and where the cluster could not even start, what can be done instead."""
    text = f"The demonstration could not go on: {error}"
    program = Path(sys.executable).with_name("foresail")
    return text if came_up else f"{text}\n\n{ELSEWHERE.format(program=program)}"


def main(
    *,
    keep: Annotated[bool, typer.Option(help="Leave the cluster up at the end and print how to look around")] = False,
    out: Annotated[Path, typer.Option(help="Folder for picture, table and figures")] = Path("out"),
    days: Annotated[int, typer.Option(help="Compressed days in all", min=1)] = PLAN.learning_days + PLAN.scored_days,
) -> None:
    """Run the demonstration; ends with status 0, or says why it could not."""
    console = Console()
    console.print(INTRODUCTION.format(days=days, minutes=days * SEASON.day_s / 60), markup=False, highlight=False)
    reporter, came_up = reporter_for(console), False
    try:
        with Cluster.start(reporter=reporter) as cluster:
            came_up = True
            stack = run.Run(cluster, out.absolute(), reporter, console, days).play()
            if keep:
                cluster.keep()
                console.print(run.look_around(stack), markup=False, highlight=False)
    except ClusterError as error:
        console.print(way_out(error, came_up=came_up), style="red", markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("Interrupted; the cluster was taken down.")
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(main)
