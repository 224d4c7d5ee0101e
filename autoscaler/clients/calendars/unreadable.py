"""What is said of a calendar file that is not as it should be."""


class Unreadable(Exception):
    """A line that cannot be used, and what to write instead."""

    def __init__(self, line: int, message: str) -> None:
        """Lines count from 1."""
        super().__init__(f"line {line}: {message}")
