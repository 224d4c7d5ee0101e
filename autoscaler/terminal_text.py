"""Text of others on somebody's terminal: names, messages and annotations that anybody may have written."""


def plain(text: str) -> str:
    """Return a text in one line, without what would be a command to a terminal or would turn its direction."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
