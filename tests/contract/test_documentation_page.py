"""The documentation's page in a browser: Swagger UI shows the whole document and tries requests, within its policy."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.api.openapi.handlers import PAGE_FILES
from tests.contract.operation_catalogue import DOCUMENT, OPERATIONS
from tests.contract.service import Service
from tests.support.browser import CHROMIUM, Browser, browser

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


@pytest_asyncio.fixture
async def page(service: Service, tmp_path: Path) -> AsyncIterator[Browser]:
    """The page, once it has shown the document."""
    async with browser(tmp_path) as opened:
        await opened.open(f"{service.url}/api/documentation")
        await opened.run("await until(() => $('.opblock-tag-section'))")
        yield opened


def test_files_of_the_page_are_there() -> None:
    assert [path.name for path in PAGE_FILES.values() if not path.exists()] == []


@needs_chromium
async def test_page_shows_every_operation(page: Browser) -> None:
    shown = await page.run("""
        const blocks = () => [...document.querySelectorAll('.opblock[id^="operations-"]')];
        const [path, method] = ['.opblock-summary-path', '.opblock-summary-method'];
        const sections = [...document.querySelectorAll('.opblock-tag-section')].length, found = [];
        for (let place = 0; place < sections; place++) {  // one section at a time, as people read
            const section = () => document.querySelectorAll('.opblock-tag-section')[place];
            const before = blocks().length;
            section().querySelector('.opblock-tag').click();
            await until(() => section().classList.contains('is-open') && blocks().length > before);
            found.push(...blocks().map(
                (one) => `${one.querySelector(method).textContent} ${one.querySelector(path).dataset.path}`));
            section().querySelector('.opblock-tag').click();
            await until(() => !section().classList.contains('is-open'));
        }
        return found;
    """)
    assert sorted(set(shown)) == sorted(
        [str(each) for each in OPERATIONS] + [f"POST {event}" for event in DOCUMENT["webhooks"]]
    )
    assert (await page.run("return $('.info .title').textContent")).startswith(DOCUMENT["info"]["title"])
    assert page.console == []


@needs_chromium
async def test_page_tries_a_request_with_the_key_that_was_entered(page: Browser, service: Service, key: str) -> None:
    status, command = await page.run(f"""
        $('.auth-wrapper .authorize').click();
        type(await until(() => $('.auth-container input')), {json.dumps(key)});
        $('.auth-btn-wrapper .authorize').click();
        (await until(() => $('.auth-btn-wrapper .btn-done'))).click();
        [...document.querySelectorAll('.opblock-tag')].find((tag) => tag.dataset.tag === 'service').click();
        (await until(() => $('#operations-service-get_me .opblock-summary-control'))).click();
        (await until(() => $('#operations-service-get_me .try-out__btn'))).click();
        (await until(() => $('#operations-service-get_me .execute'))).click();
        const answer = await until(() => $('#operations-service-get_me .live-responses-table .response'));
        return [answer.innerText, $('#operations-service-get_me .curl').textContent];
    """)
    assert status.startswith("200")
    assert f"Authorization: Bearer {key}" in command
    assert page.console == []
    assert [url for url in page.requests if not url.startswith((f"{service.url}/", "data:"))] == []


@pytest.mark.extended
@needs_chromium
async def test_page_fits_a_phone(page: Browser, service: Service) -> None:
    await page.open("about:blank", width=390, height=844)
    await page.open(f"{service.url}/api/documentation#/inbound/submit_lead", width=390, height=844)
    width = await page.run("await until(() => $('.opblock.is-open')); return document.documentElement.scrollWidth")
    assert width <= 390
    assert page.console == []
