"""The gauges of objects of ours: set together, and gone together when the object, or what a series told of, is gone.

What was set is remembered, because looking for it among the series of all other objects takes longer with each of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import Gauge

from autoscaler.model import ObjectKey

Series = tuple[Gauge, tuple[str, ...]]  # and its labels


@dataclass(slots=True)
class SeriesBook:
    """Which series each object has."""

    _shown: dict[ObjectKey, Iterable[Series]] = field(default_factory=dict)

    def show(self, key: ObjectKey, values: Mapping[Series, float]) -> None:
        """Set the series of an object, and remove those that it had and has no more."""
        for gauge, labels in self._shown.get(key, ()):
            if (gauge, labels) not in values:
                gauge.remove(*labels)
        for (gauge, labels), value in values.items():
            gauge.labels(*labels).set(value)
        self._shown[key] = tuple(values)

    def forget(self, key: ObjectKey) -> None:
        """Remove all series of an object."""
        self.show(key, {})
        self._shown.pop(key)
