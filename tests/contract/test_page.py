"""The documentation's page in a browser: it shows the whole document, and does what a reader expects."""

import asyncio
import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.api.openapi.handlers import STATIC
from tests.contract.catalogue import DOCUMENT, OPERATIONS
from tests.contract.service import Service

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium here")

Browse = Callable[[str], str]
RECEIVE = "inbound_leads_receive_lead"


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """What a browser makes of an address: its document, after the scripts have run."""
    headless = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]

    def shown(url: str) -> str:
        command = ["chromium", *headless, "--virtual-time-budget=10000", "--dump-dom", url]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    return shown


def test_every_endpoint_is_shown(service: Service, browse: Browse) -> None:
    """The policy lets the page's own script run, and the script makes sense of the whole document."""
    page = browse(f"{service.url}/api/documentation")
    shown = set(re.findall(r'class="endpoint" id="(\w+)"', page))
    assert shown == {operation.said["operationId"] for operation in OPERATIONS}
    assert "`" not in "".join(re.findall(r"<summary>.*?</summary>|<nav.*</nav>", page))
    assert "at least 1 characters" not in page


def test_the_curl_stands_beside_its_own_answer(service: Service, browse: Browse) -> None:
    page = html.unescape(browse(f"{service.url}/api/documentation#{RECEIVE}"))
    content = DOCUMENT["paths"]["/api/inbound/leads"]["post"]["requestBody"]["content"]
    sent, answer = re.findall(r"<figcaption>(.*?)(?:<button.*?)?</figcaption><pre.*?>(.*?)</pre>", page, re.DOTALL)
    assert json.loads(re.findall(r"-d '(.*)'$", sent[1], re.DOTALL)[0]) == content["application/json"]["example"]
    assert answer[0] == "201"
    assert json.loads(answer[1]).keys() == {"status", "lead_id", "is_duplicate", "submission_id"}


async def driven(browse: Browse, steps: str, document: web.StreamResponse | dict[str, Any] = DOCUMENT) -> Any:
    """What steps in the page's own window come to, once it has shown the document or said why not."""
    script = f"""<script type="module">
        const $ = (query) => document.querySelector(query);
        const until = async (is) => {{ while (!is()) await new Promise((then) => setTimeout(then, 10)); }};
        await until(() => $('.endpoint, [role=alert]'));
        const found = await (async () => {{ {steps} }})();
        const output = Object.assign(document.createElement('output'), {{ value: JSON.stringify(found) }});
        document.body.replaceChildren(output);
    </script>"""
    page = (STATIC / "page.html").read_text(encoding="utf-8").replace(
        "/* page.js */", (STATIC / "page.js").read_text(encoding="utf-8")
    ) + script

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def describe(request: web.Request) -> web.StreamResponse:
        return web.json_response(document) if isinstance(document, dict) else document

    app = web.Application()
    app.add_routes([web.get("/api/documentation", show), web.get("/api/v1/openapi.json", describe)])
    async with TestServer(app) as server:
        shown = await asyncio.to_thread(browse, str(server.make_url("/api/documentation")))
    return json.loads(html.unescape(re.findall(r"<output>(.*)</output>", shown)[0]))


async def test_the_same_link_opens_a_closed_box_again(browse: Browse) -> None:
    steps = f"""
        const link = $('nav a[href="#{RECEIVE}"]'), box = $('#{RECEIVE}');
        link.click();
        await until(() => box.open);
        box.open = false;
        link.firstChild.click();
        await until(() => box.open);
        return true;
    """
    assert await driven(browse, steps) is True


async def test_a_search_that_is_cleared_leaves_the_groups_as_they_were(browse: Browse) -> None:
    steps = """
        const open = () => [...document.querySelectorAll('nav > details')].map((group) => group.open);
        const type = (text) => Object.assign($('#search'), { value: text }).dispatchEvent(new Event('input'));
        const before = open();
        ['le', 'lead', ''].forEach(type);
        return [before, open()];
    """
    before, after = await driven(browse, steps)
    assert before == after
    assert before.count(True) == 1


async def test_a_document_that_cannot_be_read_is_no_blank_page(browse: Browse) -> None:
    said = await driven(browse, "return $('[role=alert]').textContent", web.Response(status=503))
    assert "it answered 503" in said
    assert "again" in said
