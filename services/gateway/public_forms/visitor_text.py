"""Make texts of visitors fit to be stored. Pure."""

_REPLACEMENT = "\ufffd"


def storable_text(text: str) -> str:
    """Return a text without characters that PostgreSQL or UTF-8 cannot represent: U+FFFD stands in their place.

    For what accompanies a post, such as headers. A field with such characters is refused instead.
    """
    return text.encode("utf-8", "replace").decode().replace("\0", _REPLACEMENT)
