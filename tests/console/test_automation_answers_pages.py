"""The pages that ask about an automation: why it did not run, trials of it, and its runs."""

import re
import secrets
from typing import Any

import pytest_asyncio

from tests.support.console import ConsoleClient, Reader, console_client
from tests.support.console_leads import call_api, post_inbound
from tests.support.stack import Stack
from tests.support.waiting import until_async

HOSTILE = "<script>alert(1)</script> {{ 7*7 }} & Sons"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} &amp; Sons"
BUDGET = {"condition": {"field": "custom_fields.budget", "operator": "greater_than", "value": 5000}}
FILLED = {"condition": {"field": "email", "operator": "is_not_empty"}}
TAGGING = {"action": {"type": "add_tag", "tag": "large"}}


class AskedAutomation:
    """An automation that waits for leads of a source of its own, and a lead that it stopped at."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.source = f"source {secrets.token_hex(4)}"
        trigger = {"type": "lead_created", "sources": [self.source]}
        body = {"name": f"Large {HOSTILE}", "trigger": trigger, "steps": [FILLED, BUDGET, TAGGING]}
        self.id = call_api(stack, "POST", "/api/v1/automations", body)["id"]
        self.path = f"/console/main/automations/{self.id}"
        self.email = f"{secrets.token_hex(8)}@example.com"

    def new_lead(self, **fields: Any) -> int:
        named = {"email": self.email, "first_name": HOSTILE, "source": self.source}
        return post_inbound(self.stack, **{**named, **fields})

    async def until_runs(self, count: int) -> None:
        async def are_there() -> bool:
            found = call_api(self.stack, "GET", f"/api/v1/automations/{self.id}/runs")
            return len([run for run in found if run["finished_at"]]) >= count

        await until_async(are_there, what="runs")


@pytest_asyncio.fixture
async def asked(shared_stack: Stack) -> AskedAutomation:
    return AskedAutomation(shared_stack)


async def test_reason_shows_the_condition_and_the_value_that_it_met(
    client: ConsoleClient, asked: AskedAutomation
) -> None:
    lead = asked.new_lead(custom_fields={"budget": "900"})
    await asked.until_runs(1)
    page = await client.get(f"{asked.path}/why?lead={lead}")
    assert page.status == 200
    assert "It did not run:" in page.text
    assert '<bdi class="slot-value break-anywhere">900</bdi>' in page.text
    assert ">5,000</bdi>" in page.text  # of the condition
    assert "false: it ended here" in page.text
    assert asked.email in page.text
    assert SHOWN in page.text
    assert HOSTILE not in page.text
    assert "The event started it once." in page.text

    other = asked.new_lead(email=f"{secrets.token_hex(8)}@example.com", source="elsewhere")
    page = await client.get(f"{asked.path}/why?lead={other}")
    assert "It did not run: the lead came from" in page.text
    assert "Nothing ran: the conditions show what they would have met." in page.text


async def test_lead_is_found_by_what_is_typed(client: ConsoleClient, asked: AskedAutomation) -> None:
    lead = asked.new_lead()
    asking = await client.get(f"{asked.path}/why")
    assert "Choose a lead" in asking.text
    for typed in (str(lead), f"%23{lead}", f"Ada%20%23{lead}"):
        assert "It did not run" in (await client.get(f"{asked.path}/why?q={typed}")).text

    async def is_found() -> bool:  # a search that gets no turn finds nothing
        return f"why?lead={lead}" in (await client.get(f"{asked.path}/why?q={asked.email}")).text

    await until_async(is_found, what="the lead")
    for text in ("nobody-of-this-name", "%00", "x" * 3000, "%20%20", "9" * 40):
        page = await client.get(f"{asked.path}/why?q={text}")
        assert page.status == 200
    assert (await client.get(f"{asked.path}/why?lead={lead}&event=1")).status == 422
    assert (await client.get(f"{asked.path}/why?lead={lead}&event=%00")).status == 200
    assert (await client.get("/console/main/automations/999999999/why")).status == 404


async def test_trial_on_a_lead_and_on_the_last_events(client: ConsoleClient, asked: AskedAutomation) -> None:
    lead = asked.new_lead(custom_fields={"budget": 9000})
    await asked.until_runs(1)
    page = await client.get(f"{asked.path}/try?lead={lead}")
    assert "It would run." in page.text
    page = await client.get(f"{asked.path}/try")
    assert "Would run" in page.text
    assert f"why?lead={lead}&amp;event=" in page.text
    for outcome in ("would_run", "would_stop", "not_started", "%00"):
        assert (await client.get(f"{asked.path}/try?outcome={outcome}")).status == 200
    assert len(call_api(asked.stack, "GET", f"/api/v1/automations/{asked.id}/runs")) == 1


async def test_runs_are_listed_by_state(client: ConsoleClient, asked: AskedAutomation) -> None:
    assert "It has not run yet." in (await client.get(f"{asked.path}/runs")).text
    stopped = asked.new_lead(custom_fields={"budget": 1})
    asked.new_lead(email=f"{secrets.token_hex(8)}@example.com", custom_fields={"budget": 9000})
    await asked.until_runs(2)
    page = await client.get(f"{asked.path}/runs")
    assert "took all its steps" in page.text
    assert "ended at step 2: its condition was false" in page.text
    assert SHOWN in page.text
    assert f"/console/main/leads/{stopped}" in page.text
    assert "/console/main/submissions/" in page.text
    ended = await client.get(f"{asked.path}/runs?state=condition")
    assert "took all its steps" not in ended.text
    assert f"why?lead={stopped}" in ended.text
    assert "No run in this state." in (await client.get(f"{asked.path}/runs?state=failed")).text
    of_lead = await client.get(f"{asked.path}/runs?lead={stopped}")
    assert "took all its steps" not in of_lead.text
    for query in ("state=x", "before=%00", f"before={'9' * 30}", "lead=%00", "lead=999999999"):
        assert (await client.get(f"{asked.path}/runs?{query}")).status == 200


async def test_lead_leads_to_the_reasons(client: ConsoleClient, asked: AskedAutomation) -> None:
    lead = asked.new_lead()
    assert f"automations/why?lead={lead}" in (await client.get(f"/console/main/leads/{lead}")).text
    page = await client.get(f"/console/main/automations/why?lead={lead}")
    assert f"automations/{asked.id}/why?lead={lead}" in page.text
    assert (await client.get("/console/main/automations/why?lead=999999999")).status == 404


async def test_readers_without_the_right_see_no_person(
    shared_stack: Stack, readers: dict[str, Reader], asked: AskedAutomation
) -> None:
    lead = asked.new_lead(custom_fields={"budget": "900777"}, last_name="Surname")
    await asked.until_runs(1)
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        for below in (f"why?lead={lead}", f"try?lead={lead}", "try", "runs"):
            page = await reader.get(f"{asked.path}/{below}")
            assert page.status == 200
            assert not [value for value in (asked.email, "900777", ">5000<", "Surname") if value in page.text], below
        assert f"why?lead={lead}" not in (await reader.get(f"{asked.path}/why?q={asked.email}")).text
        page = await reader.get(f"{asked.path}/why?lead={lead}")
        assert "hidden for your role" in page.text
    async with console_client(shared_stack.base, readers["stranger"].email) as stranger:
        assert (await stranger.get(f"{asked.path}/why?lead={lead}")).status == 404


async def test_a_run_whose_mail_was_not_delivered_counts_as_failed(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source = f"source {secrets.token_hex(4)}"
    mail = {"action": {"type": "send_email", "to": "lead", "subject": "Hello", "body": "Hello"}}
    body = {"name": "Welcome", "trigger": {"type": "lead_created", "sources": [source]}, "steps": [FILLED, mail]}
    id_ = call_api(shared_stack, "POST", "/api/v1/automations", body)["id"]
    path = f"/console/main/automations/{id_}"
    post_inbound(shared_stack, email=f"{secrets.token_hex(8)}@example.com", source=source)

    async def has_failed() -> bool:  # the installation has no way to send mail
        return "failed at step 2" in (await client.get(f"{path}/runs")).text

    await until_async(has_failed, what="the run whose mail failed")
    page = await client.get(f"{path}/runs")
    counts = re.findall(r'href="[^"]*/runs(?:\?state=(\w+))?"[^>]*>.*?(\d+)\s*</', page.text, re.DOTALL)
    assert {state for state, n in counts if n == "1"} == {"", "failed"}
    assert "failed at step 2" in (await client.get(f"{path}/runs?state=failed")).text
    assert "No run in this state." in (await client.get(f"{path}/runs?state=ended")).text
    assert "/console/main/sources/connect?group=messages" in page.text
    listed = (await client.get("/console/main/automations")).text
    row = listed[listed.index(f'automations/{id_}"') :].partition("</tr>")[0]
    assert re.search(r'class="num bad" data-l="Failed lately">1<', row)
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        assert "sources/connect" not in (await reader.get(f"{path}/runs")).text
