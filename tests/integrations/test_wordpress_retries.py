"""What the WordPress plugin says and does where an entry, a key or an address is not right."""

from typing import Any

import pytest

from tests.support.wordpress_shop import Shop, gravity_recording, operator_session, press, save_connection

pytestmark = pytest.mark.extended
FORM = "gravity:3"
LONG_TEXT = "a" * 3000


@pytest.fixture
def mapped_shop(connected_shop: Shop) -> Any:
    """A shop that has seen the form, and forgets what a test chose for it."""
    connected_shop.fire(gravity_recording("seen@shop.example", 100))
    yield connected_shop
    connected_shop.wordpress.run("map", form=FORM, enabled=True, mapping={})


async def test_a_retry_uses_the_present_mapping(mapped_shop: Shop) -> None:
    shop, wordpress, email = mapped_shop, mapped_shop.wordpress, "mended@shop.example"
    recording = gravity_recording("no address", 101)
    recording["arguments"][0]["4"] = email
    shop.fire(recording)
    assert wordpress.run("state")["counts"]["refused"] == 1
    wordpress.run("map", form=FORM, enabled=True, mapping={"4": "email", "2": "custom"})
    with wordpress.served():
        async with operator_session(wordpress) as session:
            await press(session, wordpress, "queue", "leadhub_act_on_queue", send_again="1")
    lead = shop.await_lead(email)
    assert (lead["company"], lead["custom_fields"]["email"]) == (None, "no address")
    assert wordpress.run("state")["counts"]["refused"] == 0
    assert wordpress.run("person", email=email)["exported"] == 0  # what was sent is not kept


def test_what_is_cut_is_said_and_is_no_consent(mapped_shop: Shop) -> None:
    shop, email = mapped_shop, "long@shop.example"
    shop.wordpress.run("map", form=FORM, enabled=True, mapping={"4": "custom"})
    recording = gravity_recording(email, 102)
    entry, form = recording["arguments"]
    entry["4"] = LONG_TEXT
    for number in range(20, 180):
        field = {"$object": True, "id": number, "type": "text", "label": f"Extra {number}", "inputs": None}
        form["fields"].insert(0, field)
        entry[str(number)] = f"answer {number}"
    before = shop.wordpress.run("state")["state"]["shortened"]
    shop.fire(recording)
    custom = shop.await_lead(email)["custom_fields"]
    assert (custom["consent_privacy"], custom["form"]) == (True, "Quote")
    assert custom["page_url"] == "https://shop.example/quote/"
    assert custom["shortened"].startswith("Shortened: Company; Left out: ")
    assert shop.wordpress.run("state")["state"]["shortened"] == before + 1


def test_texts_in_the_notes_have_their_labels(mapped_shop: Shop) -> None:
    shop, email = mapped_shop, "notes@shop.example"
    shop.wordpress.run("map", form=FORM, enabled=True, mapping={"4": "notes", "6": "notes"})
    shop.fire(gravity_recording(email, 103))
    assert shop.await_lead(email)["notes"] == "Company: Acme GmbH\nColours: Red, Blue"


async def test_the_page_of_all_options_does_not_show_the_key(connected_shop: Shop) -> None:
    wordpress = connected_shop.wordpress
    with wordpress.served():
        async with (
            operator_session(wordpress) as session,
            session.get(f"{wordpress.url}/wp-admin/options.php") as answer,
        ):
            page = await answer.text()
    assert "leadhub_api_key" in page
    assert connected_shop.key not in page


async def test_a_revoked_key_is_said_on_each_page(connected_shop: Shop) -> None:
    shop, wordpress, email = connected_shop, connected_shop.wordpress, "revoked@shop.example"
    wordpress.run("connect", leadhub=shop.stack.base, key="lh_0123456789abcdef")
    shop.fire(gravity_recording(email, 104))
    with wordpress.served():
        async with operator_session(wordpress) as session:
            async with session.get(f"{wordpress.url}/wp-admin/profile.php") as answer:
                page = await answer.text()
            assert "LeadHub refuses the API key." in page
            assert 'LeadHub <span class="awaiting-mod">' in page
            told = await save_connection(session, wordpress, url=shop.stack.base, key=shop.key)
            assert "LeadHub refuses the API key." not in told
    wordpress.run("cron")
    assert shop.await_lead(email)["email"] == email


async def test_a_wrong_key_and_an_address_of_the_console_are_understood(connected_shop: Shop) -> None:
    shop, wordpress = connected_shop, connected_shop.wordpress
    with wordpress.served():
        async with operator_session(wordpress) as session:
            told = await save_connection(session, wordpress, url=shop.stack.base, key="lh_a b")
            assert "The key is not whole" in told
            told = await save_connection(session, wordpress, url=f"{shop.stack.base}/console/main", key="")
            assert "takes leads for the workspace" in told
