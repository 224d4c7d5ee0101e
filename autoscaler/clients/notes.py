"""How long the note of an Event may be, and how a text is cut to a length in bytes."""

NOTE_BYTES = 1024  # of events.k8s.io/v1
_ELLIPSIS = "…"


def cut(text: str, limit_bytes: int) -> str:
    """Return the text, cut at a whole character to so many bytes of UTF-8, an ellipsis included."""
    if len(text.encode()) <= limit_bytes:
        return text
    kept = text.encode()[: max(0, limit_bytes - len(_ELLIPSIS.encode()))]
    return kept.decode(errors="ignore") + _ELLIPSIS
