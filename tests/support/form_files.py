"""A file that comes with a form of its own."""

import json
import urllib.request
from typing import Any

from tests.support.stack import Stack


def make_form_file(stack: Stack) -> str:
    """The id of a file that came with a form."""
    form = {"name": "Files", "fields": [{"key": "cv", "type": "file"}]}
    made = _posted(stack, "forms", json.dumps(form).encode(), "application/json")["data"]
    head = b'--x\r\nContent-Disposition: form-data; name="cv"; filename="cv.pdf"\r\n\r\n'
    path, media = f"forms/{made['id']}/submissions", "multipart/form-data; boundary=x"
    submission = _posted(stack, path, head + b"%PDF-1.7\r\n--x--\r\n", media)["submission_id"]
    with stack.database() as database:
        row = database.execute("SELECT id FROM files WHERE submission_id = %s", (submission,)).fetchone()
    assert row is not None
    return str(row[0])


def _posted(stack: Stack, path: str, body: bytes, media: str) -> dict[str, Any]:
    headers = {**stack.headers, "Content-Type": media}
    request = urllib.request.Request(f"{stack.base}/api/v1/{path}", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
