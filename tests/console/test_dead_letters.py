"""Dead letters: a cause is seen, tried, fixed and laid aside by a person without scripts."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.console_failures import (
    ConsoleReader,
    add_cause,
    add_submission,
    signed_in_reader,
    workspace_of,
)
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

HOSTILE_TITLE = "<script>alert(1)</script> has no e-mail"
ADD_DELIVERY_SQL = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, endpoint, payload, state, attempts, error, cause_id)
VALUES (%s, %s, 'webhook', 'lead.created', 'host:gone.example', '{}', 'failed', 8, 'refused', %s) RETURNING id
"""
SAY_SQL = "UPDATE submissions SET error = %s WHERE id = ANY (%s::uuid[])"
COUNT_DEAD_SQL = """
SELECT count(*) FROM submissions WHERE workspace_id = %s AND state = 'dead' AND cause_id IS NOT NULL
"""
DELIVERY_STATE_SQL = "SELECT state, cause_id FROM deliveries WHERE id = %s"
VERSION_SQL = "SELECT author ->> 'kind', author ->> 'name', reason FROM submission_versions WHERE submission_id = %s"


def add_three_of_a_hostile_cause(stack: Stack) -> tuple[int, list[str]]:
    """Three dead submissions that hold a secret. Their cause and their ids."""
    person = f"dead-{secrets.token_hex(6)}"
    with stack.database() as database:
        cause = add_cause(database, "submission", HOSTILE_TITLE)
        ids = [
            add_submission(
                database,
                "dead",
                {"email": f"{person}-{n}@example.com", "status": "warm", "custom_fields": {"api_token": "sekrit"}},
                cause=cause,
            )
            for n in range(3)
        ]
    return cause, ids


async def test_a_cause_is_fixed_on_one_that_is_tried_and_then_confirmed_for_the_rest(stack: Stack) -> None:
    cause, ids = add_three_of_a_hostile_cause(stack)
    async with signed_in_reader(stack, "manager") as reader:
        _, listed = await reader.get("dead-letters")
        assert "&lt;script&gt;alert(1)&lt;/script&gt; has no e-mail" in listed
        assert "<script>alert" not in listed
        assert f"cause={cause}" in listed
        _, unchanged = await reader.get(f"dead-letters/{cause}/fix")
        assert unchanged.count("would stay as it is") == 3  # and no promise of a lead
        query = {"op": "set", "field": "custom_fields.api_token", "value": "t0ken", "as": "text"}
        _, form = await reader.get(f"dead-letters/{cause}/fix", **query)
        assert form.count("would be a new lead") == 3
        assert "sekrit" not in form  # the value of a secret, before the change
        status, location = await reader.send(
            "POST",
            f"dead-letters/{cause}/try",
            back="fix",
            reason="They said so",
            **{**query, "field": "status", "value": "hot"},
        )
        assert status == 303
        tried = parse_qs(urlsplit(location).query)
        assert (tried["tried"], tried["field"]) == ([ids[0]], ["status"])
        until(lambda: _state_of(stack, ids[0]) == "done", what="the verdict of the one that was tried")
        _, after = await reader.get(f"dead-letters/{cause}/fix", tried=ids[0], **query)
        assert "The one to try is done" in after
        assert "Replay the other 2" in after
        sent = {**query, "reason": "All of them", "rate": "50", "with_automations": "1"}
        counted = dict(re.findall(r'name="(confirmed|counted_at)" value="([^"]+)"', after))
        for page in ("replay", "try"):
            status, refused = await reader.send("POST", f"dead-letters/{cause}/{page}", **{**sent, "field": " "})
            assert status == 422
            assert "Nothing was replayed: the change is not complete." in refused
        for wrong in ({"reason": ""}, {"rate": "0"}, {"confirmed": "0"}):
            assert (await reader.send("POST", f"dead-letters/{cause}/replay", **{**sent, **counted, **wrong}))[0] == 422
        status, moved = await reader.send("POST", f"dead-letters/{cause}/replay", **{**sent, "confirmed": "7"})
        assert (status, "The number moved: you saw 7, 2 match now." in moved) == (409, True)
        assert f"kind=replay&amp;cause={cause}&amp;changes=%5B%7B" in moved
        assert _state_of(stack, ids[1]) == "dead"
        status, location = await reader.send("POST", f"dead-letters/{cause}/replay", **{**sent, **counted})
        assert (status, "/jobs/" in location) == (303, True)
        until(lambda: _state_of(stack, ids[1]) == "done", what="the rest")
    with stack.database() as database:
        versions = database.execute(VERSION_SQL, (ids[0],)).fetchall()
    assert ("user", "Ada", "They said so") in versions


async def test_the_list_counts_submissions_and_fills_the_gap_of_a_title(stack: Stack) -> None:
    field = f"budget-{secrets.token_hex(4)}"
    with stack.database() as database:
        cause = add_cause(database, "submission", "custom field … is not a number")
        ids = [add_submission(database, "dead", {"email": f"{n}@gap.example"}, cause=cause) for n in range(2)]
        [(title,)] = database.execute("SELECT title FROM causes WHERE id = %s", (cause,)).fetchall()
        database.execute(SAY_SQL, (f"ValueError: {title.replace('…', field)}", ids))
        [(dead,)] = database.execute(COUNT_DEAD_SQL, (workspace_of(database),)).fetchall()
    async with signed_in_reader(stack, "manager") as reader:
        _, listed = await reader.get("dead-letters")
        assert re.search(rf'Submissions\s*<span class="figure">{dead}</span>', listed)
        assert re.search(r"[\d,]+ submissions? died of (one cause|[\d,]+ causes)\.", listed)
        row = listed.partition(f'id="cause-{cause}"')[2].partition("</tr>")[0]
        assert f"custom field <mark>{field}</mark> is not a number" in row
        assert "Fix and replay…" in row
    async with signed_in_reader(stack, "read_only") as reader:
        _, masked = await reader.get("dead-letters")
        assert (field in masked, "custom field … is not a number" in masked) == (False, True)


async def test_examples_follow_what_is_typed_and_over_a_thousand_are_typed_before_they_are_replayed(
    stack: Stack,
) -> None:
    with stack.database() as database:
        cause, other = add_cause(database, "submission", "of many"), add_cause(database, "delivery", "no lead")
        for n in range(1_001):
            add_submission(database, "dead", {"email": f"many-{n}@example.com"}, cause=cause)
    fix, query = f"dead-letters/{cause}/fix", {"op": "set", "field": "company", "value": "Typed", "as": "text"}
    async with signed_in_reader(stack, "manager") as reader:
        _, page = await reader.get(fix)
        assert (page.count('name="op"'), 'data-must-equal="1001"' in page) == (1, True)
        _, part = await reader.get_part(fix, **query)
        assert (part.count("<ins><bdi>Typed"), "<html" in part, 'id="problem-0"' in part) == (3, False, True)
        _, part = await reader.get_part(fix, **{**query, "field": "a..b"})
        assert "Name a field of the lead" in part
        assert (await reader.get_part(f"dead-letters/{other}/fix", **query))[0] == 404
        assert (await reader.send("POST", f"dead-letters/{other}/replay", **query))[0] == 404
        counted = dict(re.findall(r'name="(confirmed|counted_at)" value="([^"]+)"', page))
        sent = {**query, **counted, "reason": "All", "rate": ""}
        status, refused = await reader.send("POST", f"dead-letters/{cause}/replay", **sent)
        assert (status, "Type 1,001 to go on." in refused) == (422, True)
        assert (await reader.send("POST", f"dead-letters/{cause}/replay", **{**sent, "typed": "1,001"}))[0] == 303


async def test_figures_of_causes_change_under_the_readers_eyes_and_new_causes_are_counted(stack: Stack) -> None:
    with stack.database() as database:
        first = add_cause(database, "delivery", "a first cause")
    async with signed_in_reader(stack, "manager") as reader:
        _, listed = await reader.get("dead-letters", kind="delivery")
        [path] = re.findall(r'data-live-stream="/console/main/([^"]+)"', listed)
        with stack.database() as database:
            second = add_cause(database, "delivery", "a second cause")
            database.execute(ADD_DELIVERY_SQL, (workspace_of(database), secrets.token_hex(8), first))
        part = await reader.next_message(path.replace("&amp;", "&"))
        assert "1 new cause<" in part
        assert f'id="cause-{second}"' not in part
        row = part.partition(f'id="cause-{first}"')[2].partition("</tr>")[0]
        assert '<td class="num corner"><b>1</b></td>' in row
        assert "1 new cause<" not in (await reader.get("dead-letters", kind="delivery"))[1]
        for nonsense in ("known=x", "known=1&at=never", f"known={'1,' * 60}", "known=99999999999999999999"):
            assert (await reader.get(f"dead-letters/live?{nonsense}"))[0] == 404


async def test_many_causes_are_listed_page_by_page(stack: Stack) -> None:
    with stack.database() as database:
        ids = [add_cause(database, "automation_run", "one of many") for _ in range(60)]
    async with signed_in_reader(stack, "read_only") as reader:
        _, first = await reader.get("dead-letters", kind="automation_run")
        assert "n=2" in first
        assert "page 1 of " in first
        _, second = await reader.get("dead-letters", kind="automation_run", n=2)
        assert all((f'id="cause-{id_}"' in first) != (f'id="cause-{id_}"' in second) for id_ in ids)
        [path] = re.findall(r'data-live-stream="/console/main/([^"]+)"', second)
        assert "new cause" not in await reader.next_message(path.replace("&amp;", "&"))


async def test_a_cause_is_ignored_fixed_and_opened_again(stack: Stack) -> None:
    with stack.database() as database:
        cause = add_cause(database, "submission", "laid aside")
    page = f"dead-letters/{cause}"
    async with signed_in_reader(stack, "admin") as reader:
        status, text = await reader.send("POST", page, state="ignored", until="at", at="2020-01-01T10:00")
        assert (status, "The end must be a time to come." in text) == (422, True)
        assert (await reader.send("POST", page, state="ignored", until="168", note="Known"))[0] == 303
        assert "It is ignored until" in await _text_of(reader, cause)
        assert f"cause={cause}" not in (await reader.get("dead-letters"))[1]
        assert f"cause={cause}" in (await reader.get("dead-letters", state="ignored", since="24h"))[1]
        assert (await reader.send("POST", page, state="fixed"))[0] == 303
        fixed = await _text_of(reader, cause)
        assert "It is marked as fixed" in fixed
        assert "Known" in fixed
        assert (await reader.send("POST", page, state="open"))[0] == 303
        assert f"cause={cause}" in (await reader.get("dead-letters"))[1]


async def test_a_failed_delivery_is_sent_again(stack: Stack) -> None:
    with stack.database() as database:
        cause = add_cause(database, "delivery", "the receiver refused")
        values = (workspace_of(database), f"msg_{secrets.token_hex(8)}", cause)
        ((delivery,),) = database.execute(ADD_DELIVERY_SQL, values).fetchall()
    async with signed_in_reader(stack, "manager") as reader:
        shown = await _text_of(reader, cause)
        assert "gone.example" in shown
        assert f"kind=deliveries&amp;cause={cause}" in shown
        resend = f"dead-letters/{cause}/deliveries/{delivery}/resend"
        assert (await reader.send("POST", resend))[0] == 303
        with stack.database() as database:
            ((state, _),) = database.execute(DELIVERY_STATE_SQL, (delivery,)).fetchall()
        assert state != "failed"
        assert "Nothing is failed of this cause now" in await _text_of(reader, cause)


async def test_a_reader_sees_causes_without_persons_and_changes_none(stack: Stack) -> None:
    with stack.database() as database:
        cause = add_cause(database, "submission", "only looked at")
        add_submission(database, "dead", {"email": "zebulon@quixworth.example", "first_name": "Zebulon"}, cause=cause)
    async with signed_in_reader(stack, "read_only") as reader:
        shown = await _text_of(reader, cause)
        assert "only looked at" in shown
        assert "quixworth" not in shown
        assert "Zebulon" not in shown
        for action in ("", "/try", "/replay", "/deliveries/1/resend"):
            page = f"dead-letters/{cause}{action}"
            assert (await reader.send("POST", page, state="fixed"))[0] == 403
        assert (await reader.get(f"dead-letters/{cause}/fix"))[0] == 403
        for text in ("1", "-1", "x", "9" * 19, ""):
            assert (await reader.get("dead-letters", cause=text))[0] == 404


async def _text_of(reader: ConsoleReader, cause: int) -> str:
    status, text = await reader.get("dead-letters", cause=cause)
    assert status == 200
    return text


def _state_of(stack: Stack, submission_id: str) -> str | None:
    with stack.database() as database:
        found = database.execute("SELECT state FROM submissions WHERE id = %s", (submission_id,)).fetchall()
    return found[0][0] if found else None
