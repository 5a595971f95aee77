"""Rules about spam, made by hand or from the menu of a held submission: they decide about the next submissions."""

import secrets
import urllib.parse
import urllib.request

import pytest

from tests.support.console_failures import signed_in_reader
from tests.support.console_routes import make_form
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

STATES_SQL = "SELECT state FROM submissions WHERE channel = %s ORDER BY received_at"


def _send(stack: Stack, form: dict[str, object], email: str, message: str) -> None:
    data = urllib.parse.urlencode({"email": email, "message": message}).encode()
    request = urllib.request.Request(f"{stack.base}/f/{form['public_id']}", data, {"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def _states(stack: Stack, form: dict[str, object]) -> list[str]:
    with stack.database() as database:
        return [row[0] for row in database.execute(STATES_SQL, (f"form:{form['id']}",)).fetchall()]


def _state_of_another(stack: Stack, form: dict[str, object], email: str, message: str) -> str:
    """What becomes of one more submission. The gateway hears of a rule a moment after it was made or deleted."""
    known = len(_states(stack, form))
    _send(stack, form, email, message)
    until(lambda: len(_states(stack, form)) > known, what="another submission")
    return _states(stack, form)[-1]


async def test_a_rule_from_a_held_submission_allows_its_sender(stack: Stack) -> None:
    form = make_form(stack)
    name = secrets.token_hex(6)
    email, word = f"{name}@example.org", f"backlinks{name}"
    async with signed_in_reader(stack, "manager") as reader:
        held = {"verdict": "hold", "kind": "word", "value": word, "form_id": str(form["id"])}
        status, location = await reader.send("POST", "quarantine/rules", **held)
        assert (status, location) == (303, "/console/main/quarantine/rules")
        _, shown = await reader.get("quarantine/rules")
        assert word in shown

        until(lambda: _state_of_another(stack, form, email, f"We sell {word}.") == "quarantined", what="one held")
        _, shown = await reader.get("quarantine")
        assert f"Allow {email}" in shown
        back = "/console/main/quarantine"
        menu = {"verdict": "allow", "kind": "email", "value": email, "form_id": str(form["id"]), "next": back}
        assert await reader.send("POST", "quarantine/rules", **menu) == (303, back)
        until(lambda: _state_of_another(stack, form, email, f"Again: {word}.") == "done", what="one allowed")

        status, page = await reader.send("POST", "quarantine/rules", **{**menu, "next": f"{back}?again=1"})
        assert (status, "There is a rule for this already." in page) == (422, True)
        status, page = await reader.send("POST", "quarantine/rules", verdict="hold", kind="domain", value="no domain")
        assert (status, "This is no domain." in page) == (422, True)
        elsewhere = {**menu, "value": f"x{email}", "next": "https://evil.example/"}
        assert await reader.send("POST", "quarantine/rules", **elsewhere) == (303, "/console/")


async def test_a_deleted_rule_decides_no_more(stack: Stack) -> None:
    form = make_form(stack)
    word = f"casino{secrets.token_hex(6)}"
    async with signed_in_reader(stack, "manager") as reader:
        await reader.send("POST", "quarantine/rules", verdict="hold", kind="word", value=word)
        with stack.database() as database:
            [(id_,)] = database.execute("SELECT id FROM spam_rules WHERE value = %s", (word,)).fetchall()
        assert (await reader.send("POST", f"quarantine/rules/{id_}/delete"))[0] == 303
        assert word not in (await reader.get("quarantine/rules"))[1]
        until(lambda: _state_of_another(stack, form, f"{word}@example.org", f"About {word}.") == "done", what="a lead")
