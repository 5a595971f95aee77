"""The form of an import: what is guessed from a file, and whether a form has other columns than the import it shows."""

from typing import Any

import pytest

from services.console.imports.country_guess import guess_phone_country
from services.console.imports.form import is_revised, names_people
from shared.imports.column_mapping import ColumnMapping, guess_mapping

COLUMNS = ["E-Mail", "Telefon", "Budget"]
SHOWN = {
    "target-1": "email",
    "target-2": "phone",
    "target-3": "custom",
    "key-1": "e-mail",
    "key-3": "budget",
    "source": "fair",
    "tags": "a,b",
    "merge_policy": "",
    "invalid": "keep",
    "phone_country": "",
    "encoding": "utf-8",
}


def an_import(**members: Any) -> dict[str, Any]:
    mapping: ColumnMapping = {"E-Mail": "email", "Telefon": "phone", "Budget": "custom_fields.budget"}
    options = {"source": "fair", "tags": ["a", "b"], "merge_policy": None, "phone_country": None}
    kept = {"invalid_contacts": "keep", "encoding": "utf-8"}
    return {"columns": COLUMNS, "mapping": mapping, **options, **kept, **members}


@pytest.mark.parametrize(
    ("changed", "revised"),
    [
        ({}, False),
        ({"tags": " a , b "}, False),
        ({"key-1": "a custom field that is not chosen"}, False),
        ({"run_automations": "1"}, False),
        ({"target-3": ""}, True),
        ({"key-3": "money"}, True),
        ({"source": ""}, True),
        ({"tags": "a"}, True),
        ({"merge_policy": "overwrite"}, True),
        ({"invalid": "reject"}, True),
        ({"phone_country": "NO"}, True),
        ({"encoding": "cp1252"}, True),
    ],
)
def test_form_is_revised_by_what_changes_the_import(changed: dict[str, str], revised: bool) -> None:
    assert is_revised(an_import(), {**SHOWN, **changed}) is revised


def test_form_without_columns_revises_nothing() -> None:
    assert not is_revised(an_import(), {"run_automations": "1"})
    assert not is_revised(an_import(source=None, tags=[]), {**SHOWN, "source": "", "tags": ""})


def test_file_names_people_by_a_contact_or_a_name() -> None:
    assert names_people(guess_mapping(["Vorname", "x"]))
    assert not names_people(guess_mapping(["Budget", "tags", "id"]))


@pytest.mark.parametrize(
    ("phones", "country"),
    [
        (["+47 22 33 44 55", "0047 22334455", "22 33 44 55", "no phone"], "NO"),
        (["+47 22 33 44 55", "+47 22 33 44 56", "+46 8 123 456 78"], "NO"),
        (["+47 22 33 44 55", "+46 8 123 456 78"], None),
        (["22 33 44 55", "", "x" * 10_000, "+", "+999 1"], None),
        ([], None),
    ],
)
def test_country_is_that_of_most_phones_with_a_prefix(phones: list[str], country: str | None) -> None:
    assert guess_phone_country({"name": "full_name", "tel": "phone"}, [["Ada", phone] for phone in phones]) == country
    assert guess_phone_country({"tel": None}, [[phone] for phone in phones]) is None
