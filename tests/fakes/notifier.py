"""The port `Notifier` in memory: it keeps what it is told; for tests of the loops."""

from dataclasses import dataclass, field

from autoscaler.clients.ports import Notice


@dataclass(slots=True)
class FakeNotifier:
    """Keeps every notice in `notices`, in order."""

    notices: list[Notice] = field(default_factory=list)

    def send(self, notice: Notice) -> None:
        """Keep a notice."""
        self.notices.append(notice)

    def types(self) -> list[str]:
        """Return the types of all notices, in order."""
        return [notice.type for notice in self.notices]
