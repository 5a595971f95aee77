"""Names of browsers and systems for the list of sessions, from User-Agent headers. Pure.

A header is what the client claims, so the name is a help for the reader and decides nothing.
"""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MAX_NAME_LENGTH = 60  # characters shown of a header that nothing here knows


def browser_name(agent: str) -> str:
    """Return a short name of a User-Agent: `Firefox, Linux`."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return ", ".join(filter(None, (browser, system))) or agent[:MAX_NAME_LENGTH] or "?"
