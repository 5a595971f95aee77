"""Each writable field of the API has an entry that says where the console sets it, or why it does not."""

import pytest

from tests.contract.writable_fields import document_fields, read_table

pytestmark = pytest.mark.unit


def test_each_writable_field_has_an_entry_and_each_entry_a_field() -> None:
    entries = [(entry.schema, entry.field) for entry in read_table().entries]
    assert len(entries) == len(set(entries))
    assert sorted(document_fields() - set(entries)) == []
    assert sorted(set(entries) - document_fields()) == []


def test_reasons_and_pages_are_those_of_the_table_and_all_are_used() -> None:
    table = read_table()
    reasons = {entry.reason for entry in table.entries if entry.reason}
    pages = {entry.page for entry in table.entries if entry.page}
    assert reasons == set(table.reasons)
    assert pages == set(table.pages)
    assert all(entry.reason or entry.control for entry in table.entries)
