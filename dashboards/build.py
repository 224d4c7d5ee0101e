"""`python -m dashboards.build --out DIR`: write the boards and the rules; `--check` only says what is not up to date."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from dashboards.boards import BOARDS
from dashboards.finish import finished
from dashboards.rules import RULES

CHART_FILES = Path(__file__).resolve().parent.parent / "helm" / "foresail" / "files"
_WIDTH = 128
_HEAD = "# Made by `python -m dashboards.build`; change dashboards/rules/ instead.\n"

app = typer.Typer(add_completion=False)


def files() -> dict[str, str]:
    """Return the content of every generated file, by its path below the output folder."""
    boards = {f"dashboards/{name}.json": _board_text(name) for name in BOARDS}
    rules = {f"rules/{name}.yaml": _HEAD + yaml.safe_dump(rule, sort_keys=False, width=_WIDTH) for name, rule in RULES.items()}
    return boards | rules


def outdated(folder: Path) -> list[str]:
    """Return what differs between the folder and what would be written: files that are missing, old or no longer made."""
    wanted = files()
    found = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for pattern in ("dashboards/*.json", "rules/*.yaml")
        for path in folder.glob(pattern)
    }
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder that gets dashboards/ and rules/.")] = CHART_FILES,
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a file is not up to date.")] = False,
) -> None:
    """Write Grafana boards and Prometheus rules."""
    stale = outdated(out)
    if check:
        if stale:
            typer.echo(f"not up to date in {out}: {', '.join(stale)}; run `make generate`", err=True)
            raise typer.Exit(1)
        return
    wanted = files()
    for name in stale:
        path = out / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")
        typer.echo(path)


def _board_text(name: str) -> str:
    return json.dumps(finished(BOARDS[name]()), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    app()
