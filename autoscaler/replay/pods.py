"""The pods of a replay: those that serve, and those that start."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pods:
    """Pods at one step; one that is asked for serves `lead` steps later, one that is removed goes at once, the newest first."""

    ready: int
    lead: int
    _starting: deque[list[int]] = field(default_factory=deque)  # [step from which they serve, how many], oldest first

    def copy(self) -> "Pods":
        """Return pods that stand as these do, and go on by themselves."""
        return Pods(self.ready, self.lead, deque([since, count] for since, count in self._starting))

    def arrive(self, step: int) -> int:
        """Let those serve whose time has come; return how many pods serve."""
        while self._starting and self._starting[0][0] <= step:
            self.ready += self._starting.popleft()[1]
        return self.ready

    def change(self, step: int, by: int) -> None:
        """Ask for pods, or remove some: those that do not serve yet go first, the newest of them before the others."""
        if by > 0:
            self._starting.append([step + self.lead, by])
        while by < 0 and self._starting:
            newest = self._starting[-1]
            gone = min(-by, newest[1])
            newest[1] -= gone
            by += gone
            if not newest[1]:
                self._starting.pop()
        self.ready += min(by, 0)
