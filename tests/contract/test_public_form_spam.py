"""Spam is held with its reasons, answered like everything else, and released as if it came now."""

import asyncio
import base64
import json
import secrets
from typing import Any

import aiohttp
import pytest_asyncio
from altcha import Challenge, solve_challenge

from services.gateway.public_forms.spam_observations import BUSY_POSTS
from tests.contract.public_forms import PAGE_ACCEPTED, VisitedForm, filled_in, visited_form
from tests.contract.service import Service, ask, new_email
from tests.contract.workspaces import new_workspace
from tests.support.waiting import until_async

RULES = "/api/v1/spam-rules"
LINKS = " ".join(f"https://win{number}.example/x" for number in range(6))


@pytest_asyncio.fixture(scope="module")
async def form(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> VisitedForm:
    return await visited_form(client, nobody)


def codes(submission: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in submission["spam"]["reasons"]} if submission["spam"] else set()


async def leads_with(form: VisitedForm, mail: str) -> list[dict[str, Any]]:
    found = await ask(form.owner, "GET", "/api/v1/leads", params={"search": mail})
    leads: list[dict[str, Any]] = found.body["data"]
    return leads


async def test_a_filled_trap_is_held_and_answered_as_any_other(form: VisitedForm) -> None:
    trap = await form.trap()
    for accept in (PAGE_ACCEPTED, {"Accept": "application/json"}):
        honest = await form.send(accept=accept, data=filled_in(mail=new_email()))
        mail = new_email()
        caught = await form.send(accept=accept, data=filled_in(mail=mail, **{trap: "http://x.example"}))
        assert caught.status == honest.status
        assert caught.headers.keys() == honest.headers.keys()
        assert len(caught.raw) == len(honest.raw)
        if accept is not PAGE_ACCEPTED:
            submission = await form.settled(caught)
            assert (submission["state"], submission["lead_id"]) == ("quarantined", None)
            reason = next(one for one in submission["spam"]["reasons"] if one["code"] == "honeypot")
            assert reason["points"] >= 50
            assert reason["text"]
            assert await leads_with(form, mail) == []


async def test_a_released_submission_goes_the_ordinary_way(form: VisitedForm) -> None:
    tag, mail = f"auto-{secrets.token_hex(4)}", new_email()
    trigger = {"type": "form_submitted", "form_id": form.record["id"]}
    steps = [{"action": {"type": "add_tag", "tag": tag}}]
    made = await ask(
        form.owner, "POST", "/api/v1/automations", json={"name": "Tag", "trigger": trigger, "steps": steps}
    )
    try:
        trap = await form.trap()
        held = await form.settled(await form.send(data=filled_in(mail=mail, _key=mail, **{trap: "x"})))
        released = await ask(form.owner, "POST", f"/api/v1/submissions/{held['id']}/release", json={})
        assert released.status in (200, 202), released.raw
        done = await form.submission(held["id"])
        assert (done["state"], done["received_at"], done["spam"]) == ("done", held["received_at"], held["spam"])

        async def is_tagged() -> bool:
            return [lead["tags"] for lead in await leads_with(form, mail)] == [[tag]]

        await until_async(is_tagged)
        again = await form.send(data=filled_in(mail=mail, _key=mail, message=held["payload"]["message"], **{trap: "x"}))
        assert again.body["submission_id"] == held["id"]
    finally:
        await ask(form.owner, "DELETE", f"/api/v1/automations/{made.body['data']['id']}")


async def test_a_rejected_submission_stays_held(form: VisitedForm) -> None:
    held = await form.settled(await form.send(data=filled_in(mail=new_email(), message=LINKS)))
    assert (held["state"], codes(held)) == ("quarantined", {"links", "token_missing"})
    rejected = await ask(form.owner, "POST", f"/api/v1/submissions/{held['id']}/reject", json={})
    assert rejected.body["data"]["state"] == "quarantined"
    assert rejected.body["data"]["rejected_at"]


async def test_a_missing_token_alone_never_holds(form: VisitedForm) -> None:
    submission = await form.settled(await form.send(data=filled_in(mail=new_email())))
    assert (submission["state"], codes(submission)) == ("done", {"token_missing"})


async def test_tokens_tell_haste_and_reuse(form: VisitedForm) -> None:
    token = await form.token()
    first = await form.settled(await form.send(data=filled_in(mail=new_email(), _token=token)))
    assert (first["state"], codes(first)) == ("done", {"time_trap"})
    second = await form.settled(await form.send(data=filled_in(mail=new_email(), _token=token)))
    assert codes(second) >= {"time_trap", "token_reused"}
    forged = await form.settled(await form.send(data=filled_in(mail=new_email(), _token=f"{token}x")))
    assert codes(forged) == {"token_forged"}


async def test_a_refused_post_does_not_use_its_token(form: VisitedForm) -> None:
    token = await form.token()
    assert (await form.send(data={"_token": token})).status == 422
    submission = await form.settled(await form.send(data=filled_in(mail=new_email(), _token=token)))
    assert "token_reused" not in codes(submission)


async def test_copies_of_a_text_are_seen(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> None:
    copied = f"We bring your site to the very first page of every search engine there is {secrets.token_hex(4)} today"
    for number in range(2):
        form = await visited_form(client, nobody)
        submission = await form.settled(await form.send(data=filled_in(mail=new_email(), message=copied)))
        assert ("same_text" in codes(submission)) is (number == 1)


async def test_a_form_asks_for_a_proof_of_work(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> None:
    settings = {"spam": {"proof_of_work": "always"}}
    form = await visited_form(client, nobody, settings=settings)
    touch = (await ask(nobody, "GET", f"{form.path}/token")).body
    solution = solve_challenge(Challenge.from_dict(touch["challenge"]))
    assert solution is not None
    document = {"challenge": touch["challenge"], "solution": solution.to_dict()}
    proof = base64.b64encode(json.dumps(document).encode()).decode()
    proven = await form.settled(await form.send(data=filled_in(_token=touch["token"], _altcha=proof)))
    assert codes(proven) == {"time_trap"}
    again = await form.settled(await form.send(data=filled_in(_token=touch["token"], _altcha=proof)))
    assert codes(again) >= {"proof_reused"}
    token = (await ask(nobody, "GET", f"{form.path}/token")).body["token"]
    assert "proof_missing" in codes(await form.settled(await form.send(data=filled_in(_token=token))))


async def test_a_form_under_attack_asks_for_proofs(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    form = await visited_form(client, nobody)
    assert (await ask(nobody, "GET", f"{form.path}/token")).body["challenge"] is None
    answers = await asyncio.gather(*[form.send(data=filled_in(mail=new_email())) for _ in range(BUSY_POSTS)])
    assert {answer.status for answer in answers} == {202}
    assert (await ask(nobody, "GET", f"{form.path}/token")).body["challenge"]["signature"]
    latest = await form.settled(await form.send(data=filled_in(mail=new_email())))
    assert (latest["state"], codes(latest)) == ("done", {"form_rate", "token_missing"})
    never = await visited_form(client, nobody, settings={"spam": {"proof_of_work": "never"}})
    await asyncio.gather(*[never.send(data=filled_in()) for _ in range(BUSY_POSTS)])
    assert (await ask(nobody, "GET", f"{never.path}/token")).body["challenge"] is None


async def test_the_threshold_is_the_forms_own(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> None:
    strict = await visited_form(client, nobody, settings={"spam": {"threshold": 5}})
    assert (await strict.settled(await strict.send(data=filled_in())))["state"] == "quarantined"


async def test_posts_with_a_key_are_never_judged(form: VisitedForm) -> None:
    values = {**filled_in(mail=new_email(), message=LINKS), "agree": True}
    answer = await ask(form.owner, "POST", f"/api/v1/forms/{form.record['id']}/submissions", json=values)
    assert answer.status == 201
    shown = await ask(form.owner, "GET", f"/api/v1/submissions/{answer.body['submission_id']}")
    assert (shown.body["data"]["state"], shown.body["data"]["spam"]) == ("done", None)


async def test_rules_decide_instead_of_the_score(form: VisitedForm, service: Service) -> None:
    word = f"word{secrets.token_hex(4)}"
    rule = {"kind": "word", "value": f" {word.upper()}! ", "verdict": "hold", "form_id": form.record["id"]}
    made = await ask(form.owner, "POST", RULES, json=rule)
    assert (made.status, made.body["data"]["value"], made.body["data"]["hits"]) == (201, word, 0)
    assert made.headers["Location"] == f"{RULES}/{made.body['data']['id']}"

    async def held_by_rule() -> bool:
        sent = await form.send(data=filled_in(mail=new_email(), message=f"see {word}, please"))
        return "held_word" in codes(await form.settled(sent))

    await until_async(held_by_rule)

    async def is_counted() -> bool:
        listed = (await ask(form.owner, "GET", RULES)).body["data"]
        [counted] = [one for one in listed if one["id"] == made.body["data"]["id"]]
        return counted["hits"] > 0 and bool(counted["last_hit_at"])

    await until_async(is_counted)
    mail = new_email()
    allowed = await ask(form.owner, "POST", RULES, json={"kind": "email", "value": mail.upper(), "verdict": "allow"})
    trap = await form.trap()

    async def let_through() -> bool:
        sent = await form.send(data=filled_in(mail=mail, message=word, **{trap: "x"}))
        return bool((await form.settled(sent))["state"] == "done")

    await until_async(let_through)
    for each in (made, allowed):
        path = f"{RULES}/{each.body['data']['id']}"
        assert (await ask(form.owner, "DELETE", path)).status == 204
        assert (await ask(form.owner, "DELETE", path)).status == 404


async def test_rules_are_checked(form: VisitedForm, service: Service) -> None:
    rule = {"kind": "domain", "value": f"{secrets.token_hex(4)}.example", "verdict": "hold"}
    made = await ask(form.owner, "POST", RULES, json=rule)
    assert made.status == 201
    wrong: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"kind", "value", "verdict"}),
        (rule, {"value"}),
        ({**rule, "value": "no domain"}, {"value"}),
        ({**rule, "kind": "address", "value": "999.1.1.1"}, {"value"}),
        ({**rule, "kind": "regex", "verdict": "maybe"}, {"kind", "verdict"}),
        ({**rule, "value": "x.example", "form_id": 2**52}, {"form_id"}),
    ]
    for body, fields in wrong:
        answer = await ask(form.owner, "POST", RULES, json=body)
        assert (answer.status, answer.body["errors"].keys()) == (422, fields)
    slug = f"spam-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    async with service.client(service.make_key("*", workspace=slug)) as other:
        assert (await ask(other, "GET", RULES)).body["data"] == []
        assert (await ask(other, "DELETE", f"{RULES}/{made.body['data']['id']}")).status == 404
        foreign = {**rule, "form_id": form.record["id"]}
        assert (await ask(other, "POST", RULES, json=foreign)).body["errors"].keys() == {"form_id"}
    async with service.client(service.make_key("read:forms")) as reader:
        assert (await ask(reader, "GET", RULES)).status == 200
        assert (await ask(reader, "POST", RULES, json=rule)).status == 403
    assert (await ask(form.owner, "DELETE", f"{RULES}/{made.body['data']['id']}")).status == 204


async def test_a_form_without_a_threshold_has_that_of_its_workspace(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession, service: Service
) -> None:
    async with new_workspace(service) as ours:
        own = await visited_form(ours.client, nobody, settings={"spam": {"threshold": 90}})
        inheriting = await visited_form(ours.client, nobody)
        assert inheriting.record["settings"]["spam"]["threshold"] is None
        for form in (own, inheriting):
            assert (await form.settled(await form.send(data=filled_in())))["state"] == "done"
        preview = (await ours.ask("PATCH", "/workspace?preview=1", {"spam_threshold": 5})).body["data"]
        assert [(one["code"], one["count"], one["of"]) for one in preview["effects"]] == [("spam_held", 1, 1)]
        assert (await ours.show("/workspace"))["spam_threshold"] == 50
        assert (await ours.ask("PATCH", "/workspace", {"spam_threshold": 5})).body["data"]["spam_threshold"] == 5

        async def is_held() -> bool:
            state = (await inheriting.settled(await inheriting.send(data=filled_in())))["state"]
            return bool(state == "quarantined")

        await until_async(is_held)
        assert (await own.settled(await own.send(data=filled_in())))["state"] == "done"
        preview = (await ours.ask("PATCH", "/workspace?preview=1", {"spam_threshold": 0})).body["data"]
        codes_of_effects = [one["code"] for one in preview["effects"]]
        assert codes_of_effects == ["spam_let_through", "spam_rules_only"]
        assert preview["effects"][0]["count"] >= 1
        refused: tuple[Any, ...] = (-1, 1001, "50", 1.5, None, [], True)
        for wrong in refused:
            assert set(await ours.errors("PATCH", "/workspace", {"spam_threshold": wrong})) == {"spam_threshold"}
