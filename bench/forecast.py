"""What forecasts are worth to pods: every way to decide, played over recorded load, and the HPA retuned to the same pod-hours.

    python -m bench.forecast                       all recordings with a step of five minutes or less; some minutes
    python -m bench.forecast --quick               two of them
    python -m bench.forecast --series crane        those whose name holds the word; may be repeated

The recordings are looked for in `shared/traces` beside the checkout. Half of each only trains.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import tables
from bench.recordings import FOLDER, chosen, names, read
from bench.score import bars
from bench.trial import ALL, means, tried
from bench.ways import EARNED, OURS

QUICK = ("ms_mongo_machine01_rps", "nab_elb_requests_5min")

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode=None)


@app.command(help=__doc__)
def main(
    series: Annotated[list[str] | None, typer.Option(help="A word in the names of recordings; may be repeated")] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Only two recordings")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to put all figures as JSON")] = None,
    folder: Annotated[Path, typer.Option("--recordings", help="Where NAME.csv.gz lie")] = FOLDER,
) -> None:
    """Print what each way to decide loses and spends, series by series and in the mean, and which bars are met."""
    try:
        known = names(folder)
        wanted = chosen(known, QUICK if quick else series or ())
    except (FileNotFoundError, LookupError) as absent:
        raise typer.Exit(_told(str(absent.args[0]))) from absent
    console, trials = Console(width=140), []
    for name in wanted:
        trials.append(tried(read(name, folder)))
        console.print(tables.of_series(trials[-1]))
    found = means(trials)
    reached = bars(found[ALL][OURS], max(one.fit_s[OURS] for one in trials), found[ALL][EARNED])
    console.print(tables.of_means(found, trials))
    console.print(tables.of_bars(reached, f"{len(wanted)} of {len(known)} series"))
    print(f"{sum(one.took_s for one in trials):.0f} s by the clock")
    if json_file is not None:
        summaries = {group: {name: asdict(one) for name, one in those.items()} for group, those in found.items()}
        data = {"series": [asdict(one) for one in trials], "means": summaries, "bars": [asdict(one) for one in reached]}
        json_file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _told(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    app()
