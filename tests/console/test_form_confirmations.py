"""What the console says of forms whose visitors could not confirm, since no mail can be sent."""

import re

from tests.support.console import ConsoleClient
from tests.support.console_routes import make_form
from tests.support.stack import Stack

NO_MAIL = "No mail can be sent, so nobody can confirm"
LISTED = "Nobody can confirm: no mail can be sent."
AT_THE_SWITCH = re.compile(r'id="p-s_double_opt_in"[^>]*>\s*No mail can be sent, so nobody can confirm')
REVISION = re.compile(r'name="revision" value="(\d+)"')
SWITCH_ON = "UPDATE forms SET settings = settings || '{\"double_opt_in\": true}' WHERE id = %s"


async def _save(client: ConsoleClient, path: str, revision: str, is_on: str) -> tuple[str, str]:
    """The parts that the script of the builder gets, and the revision of the draft."""
    sent = {"do": "save", "s_title": "News", "s_double_opt_in": is_on, "revision": revision}
    saved = await client.post(f"{path}/draft", sent, **{"HX-Request": "true"})
    found = REVISION.search(saved.text)
    assert saved.status == 200
    assert found, saved.text
    return saved.text, found[1]


async def test_the_builder_says_at_the_switch_that_nobody_could_confirm(
    client: ConsoleClient, shared_stack: Stack
) -> None:
    path = f"/console/main/forms/{make_form(shared_stack, name='Switched')['id']}"
    assert NO_MAIL not in (await client.get(path)).text
    parts, revision = await _save(client, path, "0", "1")
    assert AT_THE_SWITCH.search(parts), parts
    assert AT_THE_SWITCH.search((await client.get(path)).text)
    refused = await client.post(f"{path}/publish", {"revision": revision})
    assert refused.status == 422
    assert f"Confirm the address by a link: {NO_MAIL}" in refused.text
    parts, _ = await _save(client, path, revision, "0")
    assert NO_MAIL not in parts


async def test_a_published_form_whose_mail_is_gone_is_named_on_its_page_and_in_the_list(
    client: ConsoleClient, shared_stack: Stack
) -> None:
    form = make_form(shared_stack, name="Without mail")
    path = f"/console/main/forms/{form['id']}"
    with shared_stack.database() as database:
        database.execute(SWITCH_ON, (form["id"],))
    assert NO_MAIL in (await client.get(path)).text
    [row] = re.findall(rf"<tr data-row>(?:(?!</tr>).)*forms/{form['id']}\".*?</tr>", await _listed(client), re.DOTALL)
    assert LISTED in row
    assert (await client.post(f"{path}/switch", {"on": "0"})).status == 303
    assert (await client.post(f"{path}/switch", {"on": "1"})).status == 422
    with shared_stack.database() as database:
        database.execute("UPDATE forms SET settings = settings - 'double_opt_in' WHERE id = %s", (form["id"],))
    assert LISTED not in await _listed(client)


async def test_a_newsletter_starts_without_a_confirmation_where_no_mail_can_be_sent(client: ConsoleClient) -> None:
    made = await client.post("/console/main/forms", {"template": "newsletter", "name": "News"})
    assert made.status == 303
    shown = (await client.get(made.headers["Location"])).text
    switch = re.search(r'name="s_double_opt_in"\s+value="1"[^>]*>', shown)
    assert switch
    assert "checked" not in switch[0]
    assert NO_MAIL not in shown


async def _listed(client: ConsoleClient) -> str:
    return (await client.get("/console/main/forms")).text
