"""Other names of tags, made over HTTP."""

import uuid
from typing import Any

from tests.contract.service import ask


async def make_alias(workspace: Any, values: dict[str, Any]) -> str:
    """Another name of the tag: that of one that was merged into it."""
    name = f"alias {uuid.uuid4().hex}"
    made = await ask(workspace.session, "POST", "/api/v1/tags", json={"name": name})
    path = f"/api/v1/tags/{made.body['data']['id']}/merge"
    answer = await ask(workspace.session, "POST", path, json={"into": values["id"]})
    assert answer.status == 200, answer.raw
    return name
