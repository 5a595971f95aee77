"""Mails of forms: whoever is named in `notify_emails` is told of every submission, from whatever workspace."""

from tests.contract.service import new_email
from tests.contract.workspaces import Workspace
from tests.support.waiting import until_async

FIELDS = [{"key": "email", "type": "email", "maps_to": "email"}, {"key": "wish", "type": "textarea"}]


async def test_a_form_alone_has_its_mails_sent(ours: Workspace) -> None:
    """Nothing else in the workspace waits for events. That no mail can be sent is said of each."""
    form = await ours.make("/forms", {"name": "Contact", "fields": FIELDS})
    path = f"/forms/{form['id']}/submissions"
    assert (await ours.ask("POST", path, {"email": new_email(), "wish": "none"})).status == 201
    named = {"settings": {"notify_emails": ["one@example.com", "two@example.com"]}}
    assert (await ours.ask("PATCH", f"/forms/{form['id']}", named)).status == 200
    filled = await ours.ask("POST", path, {"email": new_email(), "wish": "tea"})
    assert filled.status == 201

    async def given_up() -> bool:
        return bool((await ours.ask("GET", "/deliveries?state=failed")).body["meta"]["total"] == 2)

    await until_async(given_up, what="the end of both deliveries")
    found = (await ours.ask("GET", f"/deliveries?lead_id={filled.body['lead_id']}")).body["data"]
    assert [(one["kind"], one["user_id"]) for one in found] == [("notice", None)] * 2
    assert all(one["error"].startswith("No way to send mail is set up") for one in found)
