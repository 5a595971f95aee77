"""Bad input gets an error in the envelope and touches nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contract.corpus import Bad, everything
from tests.contract.service import Service, ask
from tests.contract.workspaces import Workspace, new_workspace

CORPUS = everything()
STATUS = {"BAD_REQUEST": 400, "UNSUPPORTED_MEDIA_TYPE": 415, "VALIDATION_FAILED": 422}
TELLTALES = (b"Traceback", b"psycopg", b"SELECT", b"INSERT", b"sqlalchemy", b".py")


@pytest_asyncio.fixture(scope="module")
async def untouched(service: Service) -> AsyncIterator[Workspace]:
    """A workspace of its own, since leads of tests before may still come into others; none has come into it."""
    async with new_workspace(service) as workspace:
        yield workspace
        leads = (await workspace.ask("GET", "/leads")).body["meta"]["total"]
        ledger = (await workspace.ask("GET", "/operations")).body["data"]["ledger"]
        assert (leads, set(ledger.values())) == (0, {0})


def test_the_corpus_is_large() -> None:
    assert len({(case.body, case.media) for case in CORPUS}) >= 500


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CORPUS])
async def test_bad_input_is_refused_and_stores_nothing(untouched: Workspace, case: Bad) -> None:
    path = f"/api/inbound/leads?tenant={untouched.slug}"
    answer = await ask(untouched.client, "POST", path, data=case.body, headers={"Content-Type": case.media})
    assert (answer.status, answer.code) == (STATUS[case.code], case.code), answer.raw
    assert not any(word in answer.raw for word in TELLTALES)
    if case.code == "VALIDATION_FAILED":
        assert answer.body["message"] == "The given data was invalid."
        assert case.field is None or case.field in answer.body["errors"], answer.raw
