"""The role table of the console."""

import pytest

from shared.auth.roles import ROLE_NAMES, ROLE_PERMISSIONS, Permission, is_permitted

pytestmark = pytest.mark.unit
TABLE = {
    "SEE_RECORDS": "admin manager agent read_only",
    "SEE_PERSONS": "admin manager agent",
    "CHANGE_LEADS": "admin manager agent",
    "BULK_LEADS": "admin manager",
    "STEER_QUEUES": "admin manager",
    "SET_UP": "admin manager",
    "REPORT_PERSON": "admin manager",
    "ADMINISTER": "admin",
    "OPERATE_INSTALLATION": "",
}


def test_each_role_may_do_what_the_contract_says() -> None:
    found = {p.name: " ".join(role for role in ROLE_NAMES if is_permitted(role, p)) for p in Permission}
    assert found == TABLE
    assert set(ROLE_PERMISSIONS) == set(ROLE_NAMES)


def test_an_operator_may_do_everything_everywhere_and_a_stranger_nothing() -> None:
    assert all(is_permitted(None, permission, is_operator=True) for permission in Permission)
    assert not any(is_permitted(None, permission) for permission in Permission)
