"""The figures of the comparison as tables."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from bench.score import BASIS_POINT, Bar, Summary
from bench.trial import ALL, Trial

_WORDS = {True: "met", False: "MISSED"}


def of_series(trial: Trial) -> Table:
    """Return one row a way for one series."""
    columns = ("", "lost bp", "over HPA's", "pod-hours\nover HPA's", "front", "scale\nevents", "CPU s", "a fit\ns", "")
    table = _table(f"{trial.name} ({trial.sample_s / 60:g} min); {trial.took_s:.0f} s", columns)
    for name, one in trial.judged.items():
        spent_s, fit_s = trial.spent_s.get(name, 0.0), trial.fit_s.get(name, 0.0)
        table.add_row(
            name,
            f"{one.lost / BASIS_POINT:,.3f}",
            f"{one.lost_ratio:.3f}x",
            f"{one.pod_ratio:.3f}x",
            f"{one.front:.3f}",
            f"{one.events:,}",
            _seconds(spent_s),
            _seconds(fit_s),
            "WORSE THAN HPA" if one.is_worse else "",
        )
    return table


def of_means(means: Mapping[str, Mapping[str, Summary]], trials: Sequence[Trial]) -> Table:
    """Return one row a way: geometric means over the series of each step, and over all of them."""
    each = [column for group in means for column in (f"{group}\nlost", "\npods", "\nfront")]
    head = ("", *each, "series\nworse", "CPU s", "a fit\ns")
    table = _table(f"Geometric means over {len(trials)} series: load lost and pod-hours over the HPA's, front", head)
    for name in means[ALL]:
        cells = []
        for those in means.values():
            one = those[name]
            cells += [f"{one.lost_ratio:.3f}x", f"{one.pod_ratio:.3f}x", f"{one.front:.3f}"]
        spent_s = sum(trial.spent_s.get(name, 0.0) for trial in trials)
        fit_s = max(trial.fit_s.get(name, 0.0) for trial in trials)
        table.add_row(name, *cells, str(means[ALL][name].worse), _seconds(spent_s), _seconds(fit_s))
    return table


def of_bars(bars: Sequence[Bar], over: str) -> Table:
    """Return what was asked for beside what came, and whether that is enough."""
    table = _table(f"Bars, over {over}", ("", "found", ""))
    for bar in bars:
        table.add_row(bar.wanted, bar.found, _WORDS[bar.is_met])
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    return table


def _seconds(value_s: float) -> str:
    return f"{value_s:.2f}" if value_s else "-"
