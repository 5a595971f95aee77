"""Where a form leads back to: a page of this console, never another site. Pure."""

from urllib.parse import urlsplit

CONSOLE_HOME = "/console/"


def local_path(wanted: str) -> str:
    """Return the wanted address if it is a page of this console, otherwise the console's first page."""
    parts = urlsplit(wanted.replace("\\", "/"))
    is_local = not parts.scheme and not parts.netloc and wanted.startswith(CONSOLE_HOME) and wanted.isprintable()
    leaves = "//" in parts.path or "/.." in parts.path  # a proxy may simplify it to another address
    return wanted if is_local and not leaves else CONSOLE_HOME
