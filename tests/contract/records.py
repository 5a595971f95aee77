"""Records of every noun of the API, made over HTTP by a key of one workspace; and calls whose answers are checked."""

import asyncio
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from shared.operations.fingerprint import FailureCause
from shared.outbound import deliveries, unsubscribe_links
from shared.outbound.unsubscribe_links import UnsubscribeTarget
from shared.outbound.workspace_tokens import workspace_mail_keys
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import connect
from shared.platform.settings import Settings
from tests.contract import samples
from tests.contract.operation_catalogue import JSON, Operation, faults, operations, resolved
from tests.contract.record_tables import BODIES, NOUNS
from tests.contract.service import Answer, Service, ask, new_email
from tests.contract.tag_aliases import make_alias
from tests.support.lead_pairs import write_pair
from tests.support.waiting import until_async

INSERT_CAUSE = """
INSERT INTO causes (workspace_id, id, kind, fingerprint, error_type, place, title, first_seen_at, last_seen_at)
VALUES (%s, %s, 'submission', %s, 'ValueError', %s, 'not this one', now(), now())
"""


def record_path(path: str, name: str) -> str:
    """The address of the record that a parameter names: `/api/v1/leads/{id}` in `/api/v1/leads/{id}/tags`."""
    return path[: path.index(f"{{{name}}}")] + f"{{{name}}}"


class Workspace:
    """A workspace seen through one of its keys."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, slug: str) -> None:
        self.service = service
        self.session = session
        self.slug = slug
        self._made: dict[str, dict[str, Any]] = {}  # by a record's address: the values of the parameters in it

    async def call(self, operation: Operation, values: dict[str, Any], query: str = "", **options: Any) -> Answer:
        """The answer to an operation, which has to be as the document says. The query is sent as it stands."""
        url = (
            URL(f"{filled(operation.path, values)}?{query}", encoded=True) if query else filled(operation.path, values)
        )
        answer = await ask(self.session, operation.method, url, **options)
        check_answer(operation, answer)
        return answer

    async def id(self) -> int:
        """Its own id."""
        return int((await ask(self.session, "GET", "/api/v1/me")).body["data"]["workspace"]["id"])

    async def values(self, path: str) -> dict[str, Any]:
        """For each parameter of a path a record of this workspace; made once, unless it is gone."""
        values: dict[str, Any] = {}
        for name in Operation("", path, {}).path_names:
            values |= await self._record(record_path(path, name))
        return values

    async def fresh(self, path: str) -> dict[str, Any]:
        """As `values`, the last record made anew: it may be deleted."""
        names = Operation("", path, {}).path_names
        if names:
            self._made.pop(record_path(path, names[-1]), None)
        return await self.values(path)

    async def _record(self, path: str) -> dict[str, Any]:
        if path not in self._made:
            values = await self.values(path.rpartition("/")[0])
            name = path.rpartition("{")[2].rstrip("}")
            self._made[path] = {**values, name: await self._make(path, values)}
        return self._made[path]

    async def _make(self, path: str, values: dict[str, Any]) -> Any:
        if path in MAKERS:
            return await MAKERS[path](self, values)
        create = operations(path.rpartition("/")[0]).get("POST")
        if create is None:
            pytest.fail(f"nothing here knows how to make a record for {path}: teach it in {__file__}")
        answer = await self.call(create, values, json=await self.body(create))
        assert answer.status == 201, f"{create}: {answer.raw!r}"
        return answer.body["data"]["id"]

    async def body(self, operation: Operation) -> Any:
        """A body that the operation takes."""
        if operation.body is None:
            return None
        filled = samples.minimal(operation.body, await self.fill(operation))
        if isinstance(filled, list):
            return filled or [samples.minimal(resolved(operation.body)["items"], await self.fill(operation))]
        return {**filled, **BODIES.get(operation.path, {})}

    async def fill(self, operation: Operation) -> samples.Fill:
        """What puts ids of this workspace's records into a body of the operation."""
        wanted = {leaf.key for leaf in samples.leaves(operation.body, lambda _: 1)} if operation.body else set()
        known = {}
        for name in wanted & NOUNS.keys():
            if record_path(operation.path + "/{id}", "id") != NOUNS[name]:  # nothing is made to make itself
                known[name] = next(reversed((await self.values(NOUNS[name])).values()))
        if operation.path == "/api/v1/tags/{id}/merge":
            known["into"] = (await self.values(NOUNS["into"]))["id"]  # itself
        if operation.path.endswith("/{id}/merge"):
            known["lead_id"] = await make_lead(self)
        return lambda name: known.get(name, 1)


async def make_tag(workspace: Workspace, values: dict[str, Any]) -> str:
    """The name of a tag on the lead."""
    add = operations("/api/v1/leads/{id}/tags")["POST"]
    body = await workspace.body(add)
    answer = await workspace.call(add, values, json=body)
    assert answer.status == 200, answer.raw
    return str(body["tag"])


async def make_lead(workspace: Workspace) -> int:
    """A lead that a test may lose."""
    answer = await ask(workspace.session, "POST", "/api/v1/leads", json={"first_name": "Spare"})
    return int(answer.body["data"]["id"])


async def make_merge(workspace: Workspace, values: dict[str, Any]) -> int:
    """A merge of another lead into the lead."""
    body = {"lead_id": await make_lead(workspace)}
    answer = await ask(workspace.session, "POST", f"/api/v1/leads/{values['id']}/merge", json=body)
    return int(answer.body["data"]["merge_id"])


async def make_pair(workspace: Workspace, _: dict[str, Any]) -> int:
    """Two leads that are alike, written down as the likeness engine would."""
    pair = await make_lead(workspace), await make_lead(workspace)
    async with connect(workspace.service.stack.database_url, "tests") as connection:
        return await write_pair(connection, await workspace.id(), *pair)


async def newest_activity(workspace: Workspace, values: dict[str, Any]) -> int:
    """The newest entry on the timeline of the lead."""
    listed = await ask(workspace.session, "GET", f"/api/v1/leads/{values['id']}/activities")
    return int(listed.body["data"][0]["id"])


async def make_import(workspace: Workspace, _: dict[str, Any]) -> int:
    """An import that has ended, of one row."""
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("file", f"email\n{new_email()}\n".encode(), filename="sample.csv")
    answer = await ask(workspace.session, "POST", "/api/v1/leads/import", data=body)
    made = int(answer.body["data"]["id"])

    async def has_ended() -> bool:
        shown = await ask(workspace.session, "GET", f"/api/v1/imports/{made}")
        return bool(shown.body["data"]["state"] == "done")

    await until_async(has_ended, 60, "the end of an import")
    return made


async def make_submission(workspace: Workspace, _: dict[str, Any]) -> str:
    lead, path = {"email": new_email()}, f"/api/inbound/leads?tenant={workspace.slug}"
    return str((await ask(workspace.session, "POST", path, json=lead)).body["submission_id"])


async def make_delivery(workspace: Workspace, _: dict[str, Any]) -> int:
    """A notice to a user, written down as an automation would."""
    user = (await workspace.values("/api/v1/users/{id}"))["id"]
    async with connect(workspace.service.stack.database_url, "tests") as connection:
        await deliveries.enqueue_deliveries(
            connection, [deliveries.notification_to_user(await workspace.id(), user, "Hello", "Hello")]
        )
    answer = await ask(workspace.session, "GET", "/api/v1/deliveries?kind=notice")
    return int(answer.body["data"][0]["id"])


async def make_cause(workspace: Workspace, _: dict[str, Any]) -> int:
    """A cause that no other workspace has."""
    made = FailureCause("submission", "ValueError", uuid.uuid4().hex, "not this one")
    async with connect(workspace.service.stack.database_url, "tests") as connection:
        await connection.execute(INSERT_CAUSE, (await workspace.id(), made.id, made.fingerprint, made.place))
    return made.id


async def make_job(workspace: Workspace, _: dict[str, Any]) -> int:
    """A job for nothing, which ends at once."""
    body = {"filter": {"source": "nothing of this kind"}, "confirm": 0}
    answer = await ask(workspace.session, "POST", "/api/v1/submissions/replay", json=body)
    assert answer.status == 202, answer.raw
    return int(answer.body["data"]["id"])


async def make_link(workspace: Workspace, _: dict[str, Any]) -> str:
    """The token of a link to unsubscribe."""
    settings, id_ = Settings(data_dir=workspace.service.stack.folder), await workspace.id()
    async with connect(workspace.service.stack.database_url, "tests") as connection:
        keys = await workspace_mail_keys(connection, Cipher.from_settings(settings), [id_])
    link = unsubscribe_links.unsubscribe_link(settings, keys[id_], UnsubscribeTarget(id_, new_email()))
    return link.rpartition("/")[2]


async def make_public_form(workspace: Workspace, _: dict[str, Any]) -> str:
    form = await workspace.values("/api/v1/forms/{id}")
    return str((await ask(workspace.session, "GET", f"/api/v1/forms/{form['id']}")).body["data"]["public_id"])


async def make_file(workspace: Workspace, _: dict[str, Any]) -> str:
    """A file that came with a form of its own."""
    fields = [{"key": "file", "type": "file"}]
    made = await ask(workspace.session, "POST", "/api/v1/forms", json={"name": "Files", "fields": fields})
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("file", b"\x00\xff" * 10, filename="sample.bin")
    path = f"/api/v1/forms/{made.body['data']['id']}/submissions"
    submission = (await ask(workspace.session, "POST", path, data=body)).body["submission_id"]
    shown = await ask(workspace.session, "GET", f"/api/v1/submissions/{submission}")
    return str(shown.body["data"]["payload"]["file"]["id"])


async def make_webhook_token(workspace: Workspace, _: dict[str, Any]) -> str:
    integration = await workspace.values("/api/v1/integrations/{id}")
    answer = await ask(workspace.session, "GET", f"/api/v1/integrations/{integration['id']}")
    return str(answer.body["data"]["webhook_url"].rpartition("/")[2])


async def name_lane(_workspace: Workspace, _: dict[str, Any]) -> str:
    return "automations"


async def name_first_version(_workspace: Workspace, _: dict[str, Any]) -> str:
    return "1"


MAKERS = {
    "/api/v1/forms/{id}/versions/{version}": name_first_version,
    "/api/v1/operations/lanes/{lane}": name_lane,
    "/api/v1/leads/{id}/tags/{tag}": make_tag,
    "/api/v1/leads/{id}/merges/{merge_id}": make_merge,
    "/api/v1/tags/{id}/aliases/{alias}": make_alias,
    "/api/v1/duplicates/{id}": make_pair,
    "/api/v1/leads/{id}/activities/{event}": newest_activity,
    "/api/v1/imports/{id}": make_import,
    "/api/v1/submissions/{id}": make_submission,
    "/api/v1/files/{id}": make_file,
    "/api/v1/deliveries/{id}": make_delivery,
    "/api/v1/operations/causes/{id}": make_cause,
    "/api/v1/jobs/{id}": make_job,
    "/u/{token}": make_link,
    "/f/{public_id}": make_public_form,
    "/api/inbound/webhooks/{token}": make_webhook_token,
}


def filled(path: str, values: dict[str, Any]) -> str:
    """The address with its parameters put in."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    assert "{" not in path, path
    return path


def check_answer(operation: Operation, answer: Answer) -> None:
    """Its status is one of those in the document, its body has exactly the fields that the document says."""
    said = operation.answer(answer.status)
    assert said is not None, f"{operation} answered {answer.status}: {answer.raw[:500]!r}"
    assert answer.headers["X-Request-Id"]
    content = said.get("content", {})
    if not content:
        assert answer.raw == b"", operation
        return
    media = answer.headers["Content-Type"].partition(";")[0]
    assert media in content, f"{operation} answered {media}"
    if media == JSON:
        wrong = faults(content[JSON]["schema"], answer.body)
        assert not wrong, f"{operation} answered {answer.status}: {wrong}"


def named(answer: Answer) -> set[str]:
    """The fields that a 422 names, those within fields by the outermost."""
    return {field.partition(".")[0] for field in answer.body.get("errors", ())}


async def together(calls: Iterable[Any], at_once: int = 16) -> list[Any]:
    """The results of many calls, a few at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(call: Any) -> Any:
        async with gate:
            return await call

    return await asyncio.gather(*map(one, calls))


async def needed_query(workspace: Workspace, operation: Operation) -> dict[str, Any]:
    """What its query has to name: the workspace, a record, or one of several words."""
    needed: dict[str, Any] = {"tenant": workspace.slug} if "tenant" in query_fields(operation) else {}
    for parameter in operation.parameters("query"):
        if parameter.get("required") and parameter["name"] in NOUNS:
            record = await workspace.values(NOUNS[parameter["name"]])
            needed[parameter["name"]] = next(reversed(record.values()))
        elif parameter.get("required") and "enum" in parameter["schema"]:
            needed[parameter["name"]] = parameter["schema"]["enum"][0]
    return needed


def query_fields(operation: Operation) -> dict[str, Any]:
    """The schemas of its query parameters."""
    return {each["name"]: resolved(each["schema"]) for each in operation.parameters("query")}
