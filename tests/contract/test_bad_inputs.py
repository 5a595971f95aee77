"""Bad input gets the contract's error and touches nothing."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.corpus import Bad, everything
from tests.contract.service import INBOUND, Service, ask

CORPUS = everything()
STATUS = {"BAD_REQUEST": 400, "UNSUPPORTED_MEDIA_TYPE": 415, "VALIDATION_FAILED": 422}
TELLTALES = (b"Traceback", b"psycopg", b"SELECT", b"INSERT", b"sqlalchemy", b".py")


@pytest_asyncio.fixture(scope="module", autouse=True)
async def _nothing_is_touched(client: aiohttp.ClientSession, service: Service) -> AsyncIterator[None]:
    async def counts() -> tuple[int, int]:
        total = (await ask(client, "GET", "/api/v1/leads")).body["meta"]["total"]
        return total, service.stack.status()["accepted"]

    before = await counts()
    yield
    assert await counts() == before


def test_the_corpus_is_large() -> None:
    assert len({(case.body, case.media) for case in CORPUS}) >= 500


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CORPUS])
async def test_it_is_refused(client: aiohttp.ClientSession, case: Bad) -> None:
    answer = await ask(client, "POST", INBOUND, data=case.body, headers={"Content-Type": case.media})
    assert (answer.status, answer.code) == (STATUS[case.code], case.code), answer.raw
    assert not any(word in answer.raw for word in TELLTALES)
    if case.code == "VALIDATION_FAILED":
        assert answer.body["message"] == "The given data was invalid."
        assert case.field is None or case.field in answer.body["errors"], answer.raw
