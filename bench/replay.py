"""What a replay of three weeks costs, beside the least it could: the HPA's own decisions at the same steps.

    python -m bench.replay                         all recordings with a step of five minutes or less; a quarter of an hour
    python -m bench.replay --series ccpool         those whose name holds the word; may be repeated

The recordings are looked for in `shared/traces` beside the checkout. CPU seconds of all threads, without
reports and files.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autoscaler.replay.play import play
from autoscaler.replay.stage import Setting, Stage
from autoscaler.replay.walk import walk
from bench.recordings import FOLDER, chosen, names, read

MOST_S = 60.0  # that three weeks may take on one core
SETTINGS = {
    "Conservative": Setting(),
    "Earned": Setting(earned=True),
    "Conservative, capped": Setting(capped=True),
    "Earned, capped": Setting(earned=True, capped=True),
}

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode=None)


@app.command(help=__doc__)
def main(
    series: Annotated[list[str] | None, typer.Option(help="A word in the names of recordings; may be repeated")] = None,
    folder: Annotated[Path, typer.Option("--recordings", help="Where NAME.csv.gz lie")] = FOLDER,
) -> None:
    """Print CPU seconds of whole replays, and how many times those of the HPA alone they are."""
    try:
        wanted = chosen(names(folder), series or ())
    except (FileNotFoundError, LookupError) as absent:
        print(absent.args[0], file=sys.stderr)
        raise typer.Exit(1) from absent
    table = Table(title="CPU seconds of a replay (over those of the HPA alone)", title_justify="left")
    for number, head in enumerate(("", "steps", "bound: the HPA alone", *SETTINGS)):
        table.add_column(head, justify="right" if number else "left")
    slowest_s = 0.0
    for name in wanted:
        stage = read(name, folder).stage
        bound_s, found = costs_s(stage)
        slowest_s = max(slowest_s, *found)
        cells = (f"{one_s:.1f} ({one_s / bound_s:.1f}x)" for one_s in found)
        table.add_row(name, f"{stage.load.size:,}", f"{bound_s:.1f}", *cells)
    console = Console(width=140)
    console.print(table)
    console.print(f"the slowest took {slowest_s:.1f} CPU s, of {MOST_S:g} that it may: {slowest_s / MOST_S:.2f}x")


def costs_s(stage: Stage) -> tuple[float, list[float]]:
    """Return the CPU seconds of the HPA alone, and of a whole replay for each of `SETTINGS`."""
    return _cost_s(partial(walk, stage, Setting())), [_cost_s(partial(play, stage, one)) for one in SETTINGS.values()]


def _cost_s(act: Callable[[], object]) -> float:
    begin_s = time.process_time()
    act()
    return time.process_time() - begin_s


if __name__ == "__main__":
    app()
