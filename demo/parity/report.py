"""What a comparison came to, as JSON to keep and as text to read."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from demo.parity.compare import Finding, Verdict
from demo.parity.differences import Difference

Json = dict[str, Any]


def as_json(verdicts: Sequence[Verdict]) -> Json:
    """Return for each family how many series were the same, over all scrapes, and what was not and why."""
    same: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    for verdict in verdicts:
        same.update(verdict.same)
        beyond.update(verdict.beyond)
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    families = sorted({*same, *(finding.series.name for finding in findings)})
    return {
        "scrapes": len(verdicts),
        "families": {name: _family(same[name], [one for one in findings if one.series.name == name]) for name in families},
        "beyond_the_kubelet": dict(sorted(beyond.items())),
        "unjudged_in_the_last_scrape": [str(series) for series in verdicts[-1].unjudged] if verdicts else [],
        "unsettled": sorted({name for verdict in verdicts for name in verdict.unsettled}),
    }


def _family(same: int, findings: Sequence[Finding]) -> Json:
    reasons = Counter(f"{one.side.value}: {one.because.reason}" for one in findings if one.because is not None)
    return {
        "same": same,
        "on purpose": dict(reasons),
        "faults": sorted({str(one) for one in findings if one.because is None}),
    }


def faults(verdicts: Sequence[Verdict], limit: int = 40) -> str:
    """Write what nothing explains, each series once; empty when all is well."""
    lines: dict[tuple[object, object], str] = {}
    for verdict in verdicts:
        for finding in verdict.unexplained():
            lines.setdefault((finding.side, finding.series), str(finding))
    shown = [*lines.values()][:limit]
    rest = len(lines) - len(shown)
    return "\n".join([*shown, f"and {rest} more"] if rest else shown)


def needed(verdicts: Sequence[Verdict]) -> set[Difference]:
    """Return the rows that explained something."""
    return {one.because for verdict in verdicts for one in verdict.findings if one.because is not None}
