"""The steps of a replay as CSV, one row each from the cut on; the same replay gives the same bytes."""

from collections.abc import Iterator

from autoscaler.replay.stage import Stage, iso
from autoscaler.replay.walk import Course

COLUMNS = ("timestamp", "load", "desired", "ready", "reactive", "predicted", "reason")


def rows(stage: Stage, course: Course) -> Iterator[str]:
    """Yield the lines of the file; `load` is in its own unit, `predicted` is empty where nothing is foreseen."""
    yield f"{','.join(COLUMNS)}\n"
    load = (stage.load[stage.cut :] * stage.capacity).tolist()
    counts = zip(
        course.desired.tolist(), course.ready.tolist(), course.reactive.tolist(), course.predicted.tolist(), strict=True
    )
    for at, ((desired, ready, reactive, predicted), reason) in enumerate(zip(counts, course.reasons, strict=True)):
        foreseen = predicted if predicted >= 0 else ""
        time = iso(stage.at_s(stage.cut + at))
        yield f"{time},{load[at]:.10g},{desired},{ready},{reactive},{foreseen},{reason}\n"
