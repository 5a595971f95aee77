"""The form of changes in an address, and what a page shows of payloads."""

from multidict import MultiDict

from services.console.dead_letters.change_form import ChangeForm, read_change_form
from services.console.web.payload_words import difference_words, read_sender


def _form(*rows: tuple[str, str, str, str], add: str = "", remove: str = "") -> ChangeForm:
    names = ("op", "field", "value", "as")
    query = MultiDict([pair for row in rows for pair in zip(names, row, strict=True)])
    return read_change_form(query, add, remove)


def test_rows_make_changes_that_come_back_from_their_json() -> None:
    form = _form(
        ("set", "status", "=hot", "text"),
        ("set", "tags", '["a"]', "json"),
        ("map", "status", "warm = hot\r\n\r\ncold=", "text"),
        ("drop", "custom_fields.debug", "", "text"),
        ("nonsense", "status", "", "text"),
    )
    assert form.is_valid
    assert form.changes == [
        {"op": "set", "field": "status", "value": "=hot"},
        {"op": "set", "field": "tags", "value": ["a"]},
        {"op": "map", "field": "status", "values": {"warm": "hot", "cold": ""}},
        {"op": "drop", "field": "custom_fields.debug"},
    ]
    assert not form.is_complete()  # a row is none of the form's, and would be lost


def test_mistakes_stand_on_their_rows() -> None:
    form = _form(
        ("set", "a", "{", "json"),
        ("map", "a", "no pair", "text"),
        ("drop", "a..b", "", "text"),
        ("set", "_form", "x", "text"),
        ("set", "", "x", "text"),
        ("set", "", "", "text"),
    )
    assert [row.problem for row in form.rows] == ["json", "pairs", "field", "field", "field", ""]
    assert not form.is_valid
    assert not _form(*[("set", f"a{n}", "x" * 1900, "text") for n in range(3)]).is_valid
    assert [
        row.problem for row in _form(("set", "a" * 300, "", "text"), ("map", "a", "b=" + "c" * 3000, "text")).rows
    ] == [
        *("long", "long"),
    ]


def test_a_row_that_is_still_empty_is_passed_over_by_examples_and_marked_before_a_replay() -> None:
    form = _form(("set", "status", "hot", "text"), ("drop", "", "", "text"))
    assert form.is_valid
    assert not form.is_complete()
    assert [row.problem for row in form.rows] == ["", "field"]
    assert _form().is_complete()
    assert _form(("set", "status", "", "text")).is_complete()


def test_rows_are_added_and_taken_out() -> None:
    rows = ("set", "a", "1", "text"), ("drop", "b", "", "text")
    assert [row.field for row in _form(*rows, remove="0").rows] == ["b"]
    assert [row.field for row in _form(*rows, remove="9").rows] == ["a", "b"]
    assert [row.op for row in _form(*rows, add="map").rows] == ["set", "drop", "map"]
    assert len(_form(*rows * 20, add="map").rows) == 20


def test_a_sender_is_read_from_a_payload_of_any_shape() -> None:
    found = read_sender(b'{"first_name": "Ada", "email": "ada@example.com", "custom_fields": {"message": "Hello"}}')
    assert (found.title, found.contact, found.message) == ("Ada", "ada@example.com", "Hello")
    assert read_sender(b'{"phone": "+49 1", "first_name": 7}').title == "+49 1"
    for payload in (b"", b"[]", b"\xff", b'{"custom_fields": 1, "email": {}}', None):
        assert read_sender(payload).title == ""


def test_secrets_are_masked_at_any_depth() -> None:
    named = difference_words({"op": "changed", "field": "a.api_token", "before": "sekrit", "after": None})
    inner = difference_words({"op": "added", "field": "a", "before": None, "after": {"b": [{"password": "sekrit"}]}})
    assert "sekrit" not in f"{named} {inner}"
    assert inner.after == '{"b":[{"password":"********"}]}'
