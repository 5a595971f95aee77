"""One lead to `/api/inbound/leads`."""

import asyncio
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from multidict import CIMultiDict

from tests.contract.service import INBOUND, Answer, Service, ask, new_email, new_phone, post_lead
from tests.support.timing import best_within_async
from tests.support.waiting import until_async

LEAD = "/api/v1/leads/{}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def lead_of(client: aiohttp.ClientSession, answer: Answer) -> dict[str, Any]:
    """The lead that an answer names."""
    assert answer.status == 201, answer.raw
    found: dict[str, Any] = (await ask(client, "GET", LEAD.format(answer.body["lead_id"]))).body["data"]
    return found


async def test_the_references_example(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    sent = {
        **{"email": email, "first_name": "Sarah", "last_name": "Johnson", "phone": phone, "company": "Tech Corp"},
        **{"source": "zapier", "notes": "Came from newsletter signup", "tags": ["newsletter"]},
        "custom_fields": {"utm_campaign": "spring-promo"},
    }
    answer = await post_lead(client, sent)
    assert answer.body.keys() == {"status", "lead_id", "is_duplicate", "submission_id"}
    assert (answer.body["status"], answer.body["is_duplicate"]) == ("created", False)
    lead = await lead_of(client, answer)
    assert {name: lead[name] for name in sent} == sent
    assert (lead["status"], lead["pipeline_id"] > 0, lead["pipeline_stage_id"] > 0) == ("new", True, True)


async def test_the_same_person_in_another_spelling(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    first = await post_lead(client, {"email": email, "phone": phone, "first_name": "Ada"})
    spelled = f" ({phone[2:5]}) {phone[5:8]}-{phone[8:]} "
    by_email = await post_lead(client, {"email": f"  {email.upper()} ", "last_name": "Lovelace", "first_name": "A."})
    by_phone = await post_lead(client, {"email": new_email(), "phone": spelled})
    by_both = await post_lead(client, {"email": email, "phone": phone})
    for answer, matched in ((by_email, ["email"]), (by_phone, ["phone"]), (by_both, ["email", "phone"])):
        assert (answer.status, answer.body["status"], answer.body["is_duplicate"]) == (201, "created", True)
        assert (answer.body["lead_id"], answer.body["matched_on"]) == (first.body["lead_id"], matched)
    lead = await lead_of(client, by_both)
    assert (lead["first_name"], lead["last_name"]) == ("Ada", "Lovelace")


async def test_a_duplicate_adds_and_takes_nothing_away(client: aiohttp.ClientSession) -> None:
    email = new_email()
    custom: dict[str, Any] = {"a": 1, "b": None}
    first = {"email": email, "source": "one", "notes": "first", "tags": ["x"], "custom_fields": custom, "starred": True}
    second = {"email": email, "source": "two", "notes": "second", "tags": ["X", "y"], "custom_fields": {"a": 2, "c": 3}}
    await post_lead(client, first)
    lead = await lead_of(client, await post_lead(client, {**second, "status": "lost", "starred": False}))
    assert (lead["source"], lead["status"], lead["starred"]) == ("one", "new", True)
    assert (lead["notes"], lead["tags"]) == ("first\n\nsecond", ["x", "y"])
    assert lead["custom_fields"]["a"] == 1
    assert lead["custom_fields"]["c"] == 3
    assert (await lead_of(client, await post_lead(client, {"email": email})))["notes"] == "first\n\nsecond"


async def test_an_email_of_one_and_a_phone_of_another(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    one = await post_lead(client, {"email": email})
    other = await post_lead(client, {"email": new_email(), "phone": phone})
    both = await post_lead(client, {"email": email, "phone": phone})
    assert (both.body["lead_id"], both.body["matched_on"]) == (one.body["lead_id"], ["email"])
    assert other.body["lead_id"] != one.body["lead_id"]


async def test_unusable_values_are_dropped_with_a_warning(client: aiohttp.ClientSession) -> None:
    places = {"pipeline_id": 2**52, "pipeline_stage_id": 2**52, "assigned_user_id": 2**52}
    answer = await post_lead(client, {"email": new_email(), "status": "?", "phone": "call me", **places})
    lead = await lead_of(client, answer)
    warned = {warning.split(":")[0] for warning in answer.body["warnings"]}
    assert warned == {"status", "phone", *places}
    assert (lead["status"], lead["phone"], lead["assigned_user_id"]) == ("new", "call me", None)


async def test_an_unreadable_phone_identifies_nobody(client: aiohttp.ClientSession) -> None:
    answers = [await post_lead(client, {"email": new_email(), "phone": "on request"}) for _ in range(2)]
    assert [answer.body["is_duplicate"] for answer in answers] == [False, False]


@pytest.mark.parametrize("value", [None, "", "   "])
async def test_null_and_blank_were_not_sent(client: aiohttp.ClientSession, value: str | None) -> None:
    email = new_email()
    await post_lead(client, {"email": email, "company": "Acme"})
    lead = await lead_of(client, await post_lead(client, {"email": email, "company": value, "unknown": 1}))
    assert lead["company"] == "Acme"


@pytest.mark.parametrize("blank", ["", " "])
async def test_blank_was_not_sent_where_no_text_can_stand(client: aiohttp.ClientSession, blank: str) -> None:
    typed = ("tags", "custom_fields", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred")
    lead = {"email": new_email(), "company": "Acme", **dict.fromkeys(typed, blank)}
    answer = await post_lead(client, lead)
    assert answer.status == 201, answer.raw
    assert "warnings" not in answer.body
    assert (await lead_of(client, answer))["company"] == "Acme"
    answer = await post_lead(client, {**lead, "email": blank, "first_name": 1})
    assert answer.body["errors"].keys() == {"email", "first_name"}


async def test_a_form_is_a_lead_too(client: aiohttp.ClientSession) -> None:
    fields = [("email", new_email()), ("tags", "a"), ("tags", "b"), ("custom_fields[budget]", "10"), ("starred", "1")]
    answer = await ask(client, "POST", INBOUND, data=urlencode(fields), headers=FORM)
    lead = await lead_of(client, answer)
    assert (lead["tags"], lead["custom_fields"], lead["starred"]) == (["a", "b"], {"budget": "10"}, True)
    fields = [("email", new_email()), ("tags[]", "c"), ("tags[]", "d"), ("first_name", "Zoë & Co+")]
    lead = await lead_of(client, await ask(client, "POST", INBOUND, data=urlencode(fields), headers=FORM))
    assert (lead["tags"], lead["first_name"]) == (["c", "d"], "Zoë & Co+")


@pytest.mark.parametrize("named", ["", "Content-Type:\r\n"])
async def test_no_content_type_is_json(service: Service, key: str, named: str) -> None:
    body = f'{{"email": "{new_email()}"}}'
    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{named}"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with service.connect() as connection:
        connection.sendall((head + body).encode())
        assert connection.recv(12) == b"HTTP/1.1 201"


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async", "respond-async, wait=5", "wait=3, respond-async"])
async def test_respond_async_is_answered_at_once(client: aiohttp.ClientSession, prefer: str) -> None:
    answer = await post_lead(client, {"email": new_email()}, Prefer=prefer)
    submission = answer.body["submission_id"]
    expected = {"status": "accepted", "submission_id": submission, "lead_id": None, "is_duplicate": None}
    assert (answer.status, answer.body) == (202, expected)
    assert answer.headers["Location"] == f"/api/v1/submissions/{submission}"

    async def is_done() -> bool:
        state = await ask(client, "GET", answer.headers["Location"])
        assert state.status == 200, state.raw
        assert state.body["data"]["state"] in ("accepted", "done")
        return bool(state.body["data"]["state"] == "done")

    await until_async(is_done)
    data = (await ask(client, "GET", answer.headers["Location"])).body["data"]
    assert (data["is_duplicate"], data["channel"], data["lead_id"] > 0) == (False, "inbound", True)


@pytest.mark.parametrize("prefer", ["wait=1", "wait=30", "wait=999999", "wait=0", "wait=-1", "wait=x", 'a="b";c', ","])
async def test_any_other_preference_waits(client: aiohttp.ClientSession, prefer: str) -> None:
    assert (await post_lead(client, {"email": new_email()}, Prefer=prefer)).status == 201


async def test_a_repeat_answers_as_the_first_and_changes_nothing(client: aiohttp.ClientSession) -> None:
    used, lead = secrets.token_hex(8), {"email": new_email(), "notes": "once"}
    first = await post_lead(client, lead, Idempotency_Key=used)
    repeat = await post_lead(client, lead, Idempotency_Key=used)
    assert "Idempotent-Replayed" not in first.headers
    assert (repeat.status, repeat.body) == (201, first.body)
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert (await lead_of(client, repeat))["notes"] == "once"
    timeline = await ask(client, "GET", f"/api/v1/leads/{first.body['lead_id']}/activities")
    assert timeline.body["meta"]["total"] == 1


async def test_a_repeat_with_another_body_is_409(client: aiohttp.ClientSession) -> None:
    used, email = secrets.token_hex(8), new_email()
    first = await post_lead(client, {"email": email}, Idempotency_Key=used)
    answer = await post_lead(client, {"email": email, "first_name": "Eve"}, Idempotency_Key=used)
    assert (answer.status, answer.code) == (409, "CONFLICT")
    assert (await lead_of(client, first))["first_name"] is None


async def test_the_order_of_fields_is_no_other_body(client: aiohttp.ClientSession) -> None:
    used, email = secrets.token_hex(8), new_email()
    await post_lead(client, {"email": email, "first_name": "A"}, Idempotency_Key=used)
    assert (await post_lead(client, {"first_name": "A", "email": email}, Idempotency_Key=used)).status == 201


async def test_fifty_at_once_with_one_key_are_one_submission(client: aiohttp.ClientSession) -> None:
    used, lead = secrets.token_hex(8), {"email": new_email()}
    answers = await asyncio.gather(*(post_lead(client, lead, Idempotency_Key=used) for _ in range(50)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 49
    timeline = await ask(client, "GET", f"/api/v1/leads/{answers[0].body['lead_id']}/activities")
    assert timeline.body["meta"]["total"] == 1


async def test_two_bodies_at_once_with_one_key_are_one_lead_and_conflicts(client: aiohttp.ClientSession) -> None:
    used, emails = secrets.token_hex(8), [new_email() for _ in range(10)]
    answers = await asyncio.gather(*(post_lead(client, {"email": email}, Idempotency_Key=used) for email in emails))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9


async def test_unknown_fields_stay_on_the_submission(client: aiohttp.ClientSession) -> None:
    lead = {"email": new_email(), "utm_source": "google", "landing": {"url": "https://example.com"}}
    answer = await post_lead(client, lead)
    assert answer.status == 201
    assert answer.body["warnings"] == ["utm_source, landing: no field that can be sent; kept on the submission alone."]
    assert (await submission_of(client, answer))["payload"] == lead

    many = {"email": new_email(), **{f"field {n} {'x' * 90}": n for n in range(40)}}
    (warning,) = (await post_lead(client, many)).body["warnings"]
    assert " and 30 more: " in warning
    assert len(warning) < 700


async def test_another_value_of_an_unknown_field_is_another_body(client: aiohttp.ClientSession) -> None:
    used, email = secrets.token_hex(8), new_email()
    told = [await post_lead(client, {"email": email, "utm": utm}, Idempotency_Key=used) for utm in ("1", "2", "1")]
    assert [answer.status for answer in told] == [201, 409, 201]


async def test_conflicts_are_noted_once_and_not_told_to_repeats(client: aiohttp.ClientSession) -> None:
    used, email = secrets.token_hex(8), new_email()
    bodies = [{"email": email, "n": n % 3} for n in range(30)]
    answers = await asyncio.gather(*(post_lead(client, body, Idempotency_Key=used) for body in bodies))
    first = next(answer for answer in answers if answer.status == 201)
    assert sorted(answer.status for answer in answers) == [201] * 10 + [409] * 20
    warnings = {str(answer.body["warnings"]) for answer in answers if answer.status == 201}
    assert warnings == {"['n: no field that can be sent; kept on the submission alone.']"}
    noted = (await submission_of(client, first))["warnings"]
    assert len(noted) == len({*noted}) <= 2


async def submission_of(client: aiohttp.ClientSession, accepted: Answer, field: str = "lead_id") -> dict[str, Any]:
    """What became of a submission that was answered 202, once that field is told."""
    found: dict[str, Any] = {}

    async def is_told() -> bool:
        answer = await ask(client, "GET", f"/api/v1/submissions/{accepted.body['submission_id']}")
        found.update(answer.body["data"])
        return bool(found[field])

    await until_async(is_told)
    return found


async def test_a_conflict_found_later_is_noted_on_the_submission(client: aiohttp.ClientSession) -> None:
    """Whether both are of one batch or the second comes later."""
    for pause in (0.0, 0.0, 0.05):
        used, sent = secrets.token_hex(8), [{"email": new_email(), "first_name": name} for name in ("A", "B")]
        answers = []
        for lead in sent:
            answers.append(await post_lead(client, lead, Idempotency_Key=used, Prefer="respond-async"))
            await asyncio.sleep(pause)
        assert [answer.status for answer in answers] in ([202, 202], [202, 409])
        if answers[1].status == 202:
            assert answers[0].body["submission_id"] == answers[1].body["submission_id"]
            assert "came again with another body" in str(await submission_of(client, answers[0], "warnings"))
        repeats = [await post_lead(client, lead, Idempotency_Key=used) for lead in sent]
        assert [answer.status for answer in repeats] == [201, 409]


async def test_waiting_caller_does_not_take_over_an_earlier_idempotency_key(client: aiohttp.ClientSession) -> None:
    """A submission that nobody waits for is overtaken by one that somebody does; its key stays its own."""
    for _ in range(20):
        used, email = secrets.token_hex(8), new_email()
        first = await post_lead(client, {"email": email}, Idempotency_Key=used, Prefer="respond-async")
        other = await post_lead(client, {"email": new_email()}, Idempotency_Key=used)
        assert (first.status, other.status, other.code) == (202, 409, "CONFLICT")
        assert (await submission_of(client, first))["payload"] == {"email": email}


async def test_a_repeat_that_overtakes_the_first_is_marked(client: aiohttp.ClientSession) -> None:
    for _ in range(10):
        used, lead = secrets.token_hex(8), {"email": new_email()}
        first = await post_lead(client, lead, Idempotency_Key=used, Prefer="respond-async")
        repeat = await post_lead(client, lead, Idempotency_Key=used)
        assert (repeat.status, repeat.body["submission_id"]) == (201, first.body["submission_id"])
        assert repeat.headers.get("Idempotent-Replayed") == "true"


async def test_several_lines_of_prefer_are_one_list(client: aiohttp.ClientSession) -> None:
    lines = CIMultiDict([("Prefer", "handling=lenient"), ("Prefer", "respond-async")])
    for path in (INBOUND, f"{INBOUND}&_any="):  # the express way and the ordinary one
        answer = await ask(client, "POST", path, json={"email": new_email()}, headers=lines)
        assert (answer.status, answer.body["status"]) == (202, "accepted")


@pytest.mark.parametrize(("sent", "status"), [("k" * 255, 201), ("k" * 256, 422), ("k" * 4000, 422)])
async def test_a_key_has_up_to_255_characters(client: aiohttp.ClientSession, sent: str, status: int) -> None:
    unique = secrets.token_hex(8)
    answer = await post_lead(client, {"email": new_email()}, Idempotency_Key=(unique + sent)[: len(sent)])
    assert answer.status == status


async def test_two_hundred_at_once_of_one_person_are_one_lead(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    spellings = [{"email": email}, {"email": email.upper(), "phone": phone}, {"email": f" {email}", "phone": phone[2:]}]
    answers = await asyncio.gather(*(post_lead(client, spellings[n % 3]) for n in range(200)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["lead_id"] for answer in answers}) == 1
    assert sum(not answer.body["is_duplicate"] for answer in answers) == 1


async def test_a_single_answer_is_quick(client: aiohttp.ClientSession) -> None:
    async def seconds_until_answered() -> float:
        started = time.perf_counter()
        await post_lead(client, {"email": new_email()})
        return time.perf_counter() - started

    await best_within_async(0.1, seconds_until_answered, tries=100)


async def test_a_lead_gathers_so_much_and_no_more(client: aiohttp.ClientSession) -> None:
    """What it has no room for stays on its submission, whole, and is named."""
    email = new_email()
    large = [{f"{letter}{number}": letter * 1_100 for number in range(100)} for letter in "abc"]
    notes = [str(number) * 10_000 for number in range(10)]
    answers = [
        await post_lead(client, {"email": email, "notes": note, "custom_fields": large[min(turn, 2)]})
        for turn, note in enumerate(notes)
    ]
    named = [{warning.partition(":")[0] for warning in answer.body.get("warnings", ())} for answer in answers]
    assert named == [set(), set(), *[{"custom_fields"}] * 7, {"custom_fields", "notes"}]
    lead = await lead_of(client, answers[-1])
    assert lead["custom_fields"] == large[0] | large[1]
    assert lead["notes"] == "\n\n".join(notes[:9])
    kept = await ask(client, "GET", f"/api/v1/submissions/{answers[-1].body['submission_id']}")
    assert kept.body["data"]["payload"]["notes"] == notes[9]
    path = LEAD.format(lead["id"])
    assert (await ask(client, "PATCH", path, json={"notes": lead["notes"]})).status == 200
    refused = await ask(client, "PATCH", path, json={"custom_fields": large[2]})
    assert (refused.status, list(refused.body["errors"])) == (422, ["custom_fields"])
    smaller = await ask(client, "PATCH", path, json={"custom_fields": dict.fromkeys(large[0])})
    assert smaller.body["data"]["custom_fields"] == large[1]


async def test_a_crowd_of_the_largest_leads(client: aiohttp.ClientSession) -> None:
    custom = {f"field {number}": "x" * 1_100 for number in range(200)}
    emails = [new_email() for _ in range(40)]
    answers = await asyncio.gather(*[post_lead(client, {"email": email, "custom_fields": custom}) for email in emails])
    assert [answer.status for answer in answers] == [201] * 40
    assert (await lead_of(client, answers[-1]))["custom_fields"] == custom


async def test_json_sent_as_a_form_is_400_with_advice(client: aiohttp.ClientSession) -> None:
    answer = await ask(client, "POST", INBOUND, data=json.dumps({"email": new_email()}), headers=FORM)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert "'Content-Type: application/json'" in answer.body["message"]
