"""Submissions of forms: what they are filled in with."""

import asyncio
import json
import secrets
from unittest.mock import ANY
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.form_helpers import FORMS, filled, lead_of, make_form, path_of
from tests.contract.service import Service, ask, new_email, new_phone, post_lead
from tests.support.waiting import until_async

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest_asyncio.fixture(scope="module")
async def form(client: aiohttp.ClientSession) -> str:
    """The address at which a form takes submissions."""
    return path_of(await make_form(client))


async def test_form_accepts_json(client: aiohttp.ClientSession, form: str) -> None:
    mail, tel = new_email(), new_phone()
    answer = await ask(client, "POST", form, json=filled(mail=mail, tel=tel, size="M", topics=["news"], other=1))
    assert answer.body.keys() == {"status", "lead_id", "is_duplicate", "submission_id"}
    lead = await lead_of(client, answer)
    shown = {name: lead[name] for name in ("first_name", "last_name", "email", "phone", "custom_fields", "tags")}
    assert shown == {
        **{"first_name": "Ada", "last_name": "Lovelace", "email": mail, "phone": tel},
        **{"custom_fields": {"size": "M"}, "tags": ["news"]},
    }
    assert lead["source"] == "form"


async def test_form_accepts_urlencoded_bodies(client: aiohttp.ClientSession, form: str) -> None:
    sent = [("name", "Ada L"), ("mail", new_email()), ("topics[]", "news"), ("topics[]", "sales"), ("agree", "on")]
    lead = await lead_of(client, await ask(client, "POST", form, data=urlencode(sent), headers=URLENCODED))
    assert (lead["first_name"], lead["tags"]) == ("Ada", ["news", "sales"])


async def test_form_accepts_multipart_bodies(client: aiohttp.ClientSession, form: str) -> None:
    body = aiohttp.FormData(quote_fields=False, default_to_multipart=True)  # as browsers write names
    mail = new_email()
    for name, value in (("name", "Zoë"), ("mail", mail), ("topics", "news"), ("topics", "sales"), ("agree", "yes")):
        body.add_field(name, value)
    body.add_field("cv", b"\x00\xff" * 100, filename="Zoë's CV.pdf", content_type="application/pdf")
    answer = await ask(client, "POST", form, data=body)
    assert (await lead_of(client, answer))["first_name"] == "Zoë"
    shown = await ask(client, "GET", f"/api/v1/submissions/{answer.body['submission_id']}")
    assert shown.body["data"]["payload"] == {
        **{"name": "Zoë", "mail": mail, "topics": ["news", "sales"], "agree": "yes"},
        "cv": {"id": ANY, "name": "Zoë's CV.pdf", "size": 200, "type": "application/octet-stream"},
    }


async def test_several_files_in_one_field(client: aiohttp.ClientSession) -> None:
    fields = [{"key": "mail", "label": "Mail", "type": "email", "maps_to": "email"}]
    fields += [{"key": "cv", "label": "CV", "type": "file"}]
    made = await ask(client, "POST", "/api/v1/forms", json={"name": "Files", "fields": fields})
    body = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    body.add_field("mail", new_email())
    for name in ("a.pdf", "b.pdf"):
        body.add_field("cv", b"%PDF", filename=name, content_type="application/pdf")
    answer = await ask(client, "POST", f"/api/v1/forms/{made.body['data']['id']}/submissions", data=body)
    assert answer.status == 201, answer.raw


MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"[]", {"Content-Type": "application/json"}, 400),
        (b"<a/>", {"Content-Type": "application/xml"}, 415),
        (b"name=%ff", URLENCODED, 400),
        (b"", MULTIPART, 400),
        (b"no parts", MULTIPART, 400),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", MULTIPART, 400),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n', MULTIPART, 400),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\ncut', MULTIPART, 400),
        (b"--x--\r\n", {"Content-Type": "multipart/form-data"}, 400),
        (b"x" * 300_000, MULTIPART, 400),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"x" * 300_000, MULTIPART, 413),
        (b"--x--\r\n", MULTIPART, 422),
        (b"{}", {"Content-Type": "application/json"}, 422),
    ],
)
async def test_unreadable_form_bodies_are_refused(
    client: aiohttp.ClientSession, form: str, data: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await ask(client, "POST", form, data=data, headers=headers)
    assert answer.status == status, answer.raw
    assert answer.code


async def test_values_are_checked_against_the_form_all_at_once(client: aiohttp.ClientSession, form: str) -> None:
    answer = await ask(client, "POST", form, json={"mail": "nobody", "size": "XL", "topics": ["x"], "agree": False})
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["errors"].keys() == {"name", "mail", "size", "topics", "agree"}


async def test_an_unknown_inactive_or_foreign_form_is_404(client: aiohttp.ClientSession, service: Service) -> None:
    for id_ in ("0", "x", "-1", str(2**63), str(2**62)):
        for method in ("GET", "POST"):
            assert (await ask(client, method, f"{FORMS}/{id_}/submissions", json=filled())).status == 404
    slug = f"forms-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    form = await make_form(client)
    async with service.client(service.make_key("*", workspace=slug)) as other:
        for method, path in (("POST", path_of(form)), ("GET", path_of(form)), ("GET", f"{FORMS}/{form['id']}")):
            assert (await ask(other, method, path, json=filled())).status == 404
        assert (await ask(other, "PATCH", f"{FORMS}/{form['id']}", json={"name": "x"})).status == 404
    assert (await ask(client, "POST", path_of(form), json=filled())).status == 201


async def test_a_change_of_a_form_holds_from_its_answer_on(client: aiohttp.ClientSession) -> None:
    form = await make_form(client)
    later = f"{FORMS}/{form['id'] + 1}"

    async def answers(path: str = path_of(form)) -> int:
        return (await ask(client, "POST", path, json=filled())).status

    for _ in range(5):
        assert await answers() == 201
        await ask(client, "PATCH", f"{FORMS}/{form['id']}", json={"is_active": False})
        assert await answers() == 404
        await ask(client, "PATCH", f"{FORMS}/{form['id']}", json={"is_active": True})
    assert await answers(f"{later}/submissions") == 404
    assert path_of(await make_form(client)) == f"{later}/submissions"
    assert await answers(f"{later}/submissions") == 201
    assert (await ask(client, "DELETE", later)).status == 204
    assert await answers(f"{later}/submissions") == 404


@pytest.mark.parametrize(
    ("scopes", "status"),
    [("submit:leads", 201), ("write:forms", 201), ("write:leads", 201), ("read:forms delete:forms read:leads", 403)],
)
async def test_either_scope_is_enough_to_submit(service: Service, form: str, scopes: str, status: int) -> None:
    async with service.client(service.make_key(scopes)) as session:
        answer = await ask(session, "POST", form, json=filled())
        assert answer.status == status
        if status == 403:
            assert "'submit:leads' or 'write:forms' or 'write:leads'" in answer.body["message"]


async def test_form_routes_require_their_scopes(service: Service, client: aiohttp.ClientSession) -> None:
    path = f"{FORMS}/{(await make_form(client))['id']}"
    calls = {
        **{("GET", FORMS): "read", ("GET", path): "read", ("GET", f"{path}/submissions"): "read"},
        **{("POST", FORMS): "write", ("PUT", path): "write", ("DELETE", path): "delete"},
    }
    for scope in ("read", "write", "delete"):
        async with service.client(service.make_key(f"{scope}:forms")) as session:
            for (method, address), needed in calls.items():
                answer = await ask(session, method, address, json={"name": "x"})
                assert (answer.status == 403) == (scope != needed), (scope, method, address, answer.raw)


async def test_a_known_person_is_a_duplicate(client: aiohttp.ClientSession, form: str) -> None:
    mail = new_email()
    first = await post_lead(client, {"email": mail, "company": "Acme", "source": "ads"})
    answer = await ask(client, "POST", form, json=filled(mail=mail.upper(), company="Other"))
    expected = (first.body["lead_id"], True, ["email"])
    assert (answer.body["lead_id"], answer.body["is_duplicate"], answer.body["matched_on"]) == expected
    lead = await lead_of(client, answer)
    assert (lead["company"], lead["first_name"], lead["source"]) == ("Acme", "Ada", "ads")


@pytest.mark.parametrize(("policy", "company"), [("overwrite", "New"), ("keep", "Old"), ("fill_empty", "Old")])
async def test_the_forms_policy_decides_the_merge(client: aiohttp.ClientSession, policy: str, company: str) -> None:
    form = await make_form(client, settings={"merge_policy": policy, "tags": ["from-form"]})
    mail = new_email()
    await post_lead(client, {"email": mail, "company": "Old"})
    lead = await lead_of(client, await ask(client, "POST", path_of(form), json=filled(mail=mail, company="New")))
    assert lead["company"] == company
    assert lead["first_name"] == (None if policy == "keep" else "Ada")
    assert lead["tags"] == ["from-form"]


async def test_without_email_and_phone_it_is_always_a_new_lead(client: aiohttp.ClientSession, form: str) -> None:
    answers = [await ask(client, "POST", form, json=filled()) for _ in range(2)]
    answers.append(await ask(client, "POST", form, json=filled(tel="on request")))
    assert [answer.body["is_duplicate"] for answer in answers] == [False] * 3
    assert len({answer.body["lead_id"] for answer in answers}) == 3
    assert answers[2].body["warnings"]


async def test_settings_say_where_the_lead_goes(client: aiohttp.ClientSession) -> None:
    stage = {"name": "Won", "is_won": True}
    board = {"name": "Board", "stages": [{"name": "New"}, stage]}
    pipeline = (await ask(client, "POST", "/api/v1/pipelines", json=board)).body["data"]
    settings = {"pipeline_stage_id": pipeline["stages"][1]["id"], "source": "landing", "tags": ["x"]}
    form = await make_form(client, settings=settings)
    lead = await lead_of(client, await ask(client, "POST", path_of(form), json=filled()))
    assert (lead["pipeline_id"], lead["pipeline_stage_id"]) == (pipeline["id"], settings["pipeline_stage_id"])
    assert (lead["source"], lead["tags"], lead["status"]) == ("landing", ["x"], "converted")


async def test_form_answers_202_when_asked_to(client: aiohttp.ClientSession, form: str) -> None:
    answer = await ask(client, "POST", form, json=filled(), headers={"Prefer": "respond-async"})
    assert (answer.status, answer.body["status"], answer.body["lead_id"]) == (202, "accepted", None)
    where = answer.headers["Location"]
    assert where == f"/api/v1/submissions/{answer.body['submission_id']}"

    async def is_done() -> bool:
        shown = (await ask(client, "GET", where)).body["data"]
        assert shown["payload"] == filled()
        return bool(shown["state"] == "done")

    await until_async(is_done)


async def test_an_idempotency_key_is_the_forms_own(client: aiohttp.ClientSession, form: str) -> None:
    used = {"Idempotency-Key": secrets.token_hex(8)}
    other = path_of(await make_form(client))
    sent = filled(mail=new_email())
    first = await ask(client, "POST", form, json=sent, headers=used)
    again = await ask(client, "POST", form, json=sent, headers=used)
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (201, first.body, "true")
    conflict = await ask(client, "POST", form, json=filled(mail=new_email()), headers=used)
    assert (conflict.status, conflict.code) == (409, "CONFLICT")
    elsewhere = await ask(client, "POST", other, json=sent, headers=used)
    assert (elsewhere.status, elsewhere.body["is_duplicate"]) == (201, True)
    posted = await post_lead(client, {"email": sent["mail"]}, Idempotency_Key=used["Idempotency-Key"])
    assert posted.body["submission_id"] not in {first.body["submission_id"], elsewhere.body["submission_id"]}


@pytest.mark.parametrize(
    "change",
    [
        {"fields": [{"key": "name", "type": "text"}]},
        {"fields": [{"key": "new", "type": "text", "required": True}]},
        {"is_active": False},
        None,
    ],
    ids=["fewer fields", "more fields", "inactive", "deleted"],
)
async def test_a_repeat_is_answered_as_the_first_whatever_became_of_the_form(
    client: aiohttp.ClientSession, change: dict[str, object] | None
) -> None:
    form, used, sent = await make_form(client), {"Idempotency-Key": secrets.token_hex(8)}, filled(mail=new_email())
    path, at = path_of(form), f"{FORMS}/{form['id']}"
    first = await ask(client, "POST", path, json=sent, headers=used)
    assert first.status == 201, first.raw
    changed = await ask(client, "DELETE" if change is None else "PATCH", at, json=change)
    assert changed.status in (200, 204), changed.raw
    again = await ask(client, "POST", path, json=dict(reversed(sent.items())), headers=used)
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (201, first.body, "true")
    assert (await ask(client, "POST", path, json={**sent, "company": "Other"}, headers=used)).status == 409


async def test_idempotency_key_covers_unknown_form_fields(client: aiohttp.ClientSession, form: str) -> None:
    used, sent = {"Idempotency-Key": secrets.token_hex(8)}, filled(mail=new_email())
    odd = json.dumps({**sent, "note": "\ud800\0", "count": 10**30, "": [{"a": None}]})
    answers = [
        await ask(client, "POST", form, data=body, headers={"Content-Type": "application/json", **used})
        for body in (odd, odd, json.dumps(sent))
    ]
    assert [answer.status for answer in answers] == [201, 201, 409]


async def test_a_file_is_compared_by_its_content(client: aiohttp.ClientSession, form: str) -> None:
    used = {"Idempotency-Key": secrets.token_hex(8)}

    async def send(content: bytes) -> int:
        body = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        for name, value in filled(agree="on").items():
            body.add_field(name, value)
        body.add_field("cv", content, filename="cv.pdf", content_type="application/pdf")
        return (await ask(client, "POST", form, data=body, headers=used)).status

    assert [await send(content) for content in (b"one", b"one", b"two")] == [201, 201, 409]


async def test_a_forms_submissions_are_listed_and_counted(client: aiohttp.ClientSession) -> None:
    form = await make_form(client)
    mails = [new_email() for _ in range(5)]
    answers = [await ask(client, "POST", path_of(form), json=filled(mail=mail)) for mail in mails]
    page = (await ask(client, "GET", f"{path_of(form)}?per_page=2")).body
    assert page["meta"]["total"] == 5
    assert [each["payload"]["mail"] for each in page["data"]] == mails[:2:-1]
    assert page["data"][0]["id"] == answers[-1].body["submission_id"]
    assert {each["channel"] for each in page["data"]} == {f"form:{form['id']}"}
    assert (await ask(client, "GET", f"{FORMS}/{form['id']}")).body["data"]["submissions_count"] == 5
    timeline = await ask(client, "GET", f"/api/v1/leads/{answers[0].body['lead_id']}/activities")
    assert timeline.body["data"][0]["data"]["form_id"] == form["id"]
    assert (await ask(client, "DELETE", f"{FORMS}/{form['id']}")).status == 204
    kept = await ask(client, "GET", f"/api/v1/submissions?channel=form:{form['id']}")
    assert kept.body["meta"]["total"] == 5


async def test_fifty_at_once_are_fifty_leads(client: aiohttp.ClientSession) -> None:
    form = await make_form(client)
    answers = await asyncio.gather(*(ask(client, "POST", path_of(form), json=filled()) for _ in range(50)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["lead_id"] for answer in answers}) == 50
    assert (await ask(client, "GET", f"{FORMS}/{form['id']}")).body["data"]["submissions_count"] == 50
