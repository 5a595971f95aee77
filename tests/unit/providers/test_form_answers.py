"""Answers of forms: parameters, consents and emails are recognised, and nested bodies are read."""

import pytest

from shared.integrations.reading.contact_reading import AnsweredField
from shared.integrations.reading.form_answers import body_object, parameter_name, read_form, says_yes
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, UnreadableBody
from tests.support.provider_requests import request_of

pytestmark = pytest.mark.unit


def test_parameters_and_consents_are_recognised() -> None:
    assert [parameter_name(name) for name in ("UTM Source", "utmSource", "GCLID", "li fat id", "source", "")] == [
        "utm_source",
        "utm_source",
        "gclid",
        "li_fat_id",
        "",
        "",
    ]
    assert [says_yes(value) for value in (True, "On", ["yes"], "I agree.", 0, "no", "perhaps", None, 2.5)] == [
        True,
        True,
        True,
        True,
        False,
        False,
        None,
        None,
        None,
    ]
    lead, attribution = read_form([AnsweredField("perhaps", label="Consent")])
    assert (lead, attribution) == ({"custom_fields": {"consent": "perhaps"}}, {})


def test_a_form_that_is_nested_too_deeply_is_unreadable() -> None:
    with pytest.raises(UnreadableBody):
        body_object(request_of(f"a{'[b]' * 40}=1".encode(), media_type=FORM_MEDIA_TYPE))


@pytest.mark.parametrize(
    ("field", "is_read"),
    [
        (AnsweredField("ada@example.com", label="Where may we write?"), True),
        (AnsweredField("ada@example.com", label="Where may we write?", kind="custom"), False),
        (AnsweredField("ada@example.com", label="Whom may we write to in an emergency?"), False),
        (AnsweredField("ada@example.com", label="Where may we write?", key="friendContact"), False),
        (AnsweredField("ada@example.com", label="utm_content", key="utm_content"), False),
    ],
)
def test_an_answer_that_is_an_email_counts_where_its_field_asks_for_the_person_who_answers(
    field: AnsweredField, is_read: bool
) -> None:
    lead, _ = read_form([field])
    assert ("email" in lead) == is_read
    others, _ = read_form([field, AnsweredField("bo@example.com", label="And where to?")])
    assert others["email"] == ("ada@example.com" if is_read else "bo@example.com")
