"""The words of a path, by which an operation has its tag and its name."""

PATH_PREFIXES = ("/api/v1/", "/api/")
SERVICE_TAG = "service"  # endpoints that are about no record
TAGS_BY_PATH_PART = {
    "f": "forms",
    "u": "suppressions",
    **dict.fromkeys(("me", "health", "openapi.json", "documentation"), SERVICE_TAG),
}


def tag_of_path(path: str) -> str:
    """Return the tag of a path: `leads` for `/api/v1/leads/{id}/tags`."""
    first = static_parts(path)[0]
    return TAGS_BY_PATH_PART.get(first, first)


def static_parts(path: str) -> list[str]:
    """Return the parts of a path that are no parameters, without the common prefix."""
    prefix = next((prefix for prefix in PATH_PREFIXES if path.startswith(prefix)), "/")
    return [part for part in path.removeprefix(prefix).split("/") if part and not part.startswith("{")]
