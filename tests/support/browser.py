"""A headless Chromium, driven over its DevTools protocol."""

import asyncio
import base64
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.waiting import DEADLINE_SECONDS, until

CHROMIUM = shutil.which("chromium")
WAIT_SECONDS = DEADLINE_SECONDS


class Browser:
    """One page. `console` has what it said there, errors and violations of its policy above all; `requests` the
    addresses that it asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.console: list[str] = []
        self.requests: list[str] = []

    async def listen(self) -> None:
        """Takes what the browser sends, until it ends."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Log.entryAdded":
                self.console.append(told["params"]["entry"]["text"])
            elif told["method"] == "Runtime.exceptionThrown":
                self.console.append(str(told["params"]["exceptionDetails"]))
            elif told["method"] == "Network.requestWillBeSent":
                self.requests.append(told["params"]["request"]["url"])

    async def call(self, method: str, **params: Any) -> Any:
        """The result of one command of the protocol."""
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        answer = await asyncio.wait_for(self._answers[number], WAIT_SECONDS)
        assert "error" not in answer, answer
        return answer["result"]

    async def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Opens an address in a window of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """What a script in the page comes to. `until(is)` waits until that is true, `type(field, text)` is a user's."""
        helpers = """
            const $ = (query) => document.querySelector(query);
            const rest = () => new Promise((then) => setTimeout(then, 20));
            const until = async (is) => { while (!is()) await rest(); return is(); };
            const type = (field, text) => {
                const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
                set.call(field, text);
                field.dispatchEvent(new Event('input', { bubbles: true }));
            };
        """
        expression = f"(async () => {{ {helpers} {script} }})()"
        found = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def screenshot(self) -> bytes:
        """The window as a PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """A browser with a profile of its own in that folder."""
    assert CHROMIUM
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    output = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(CHROMIUM, *options, "about:blank", stdout=output, stderr=output)
    try:
        port = await asyncio.to_thread(_port, folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = await answer.json()
            page = next(target for target in targets if target["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                driven = Browser(socket)
                listening = asyncio.create_task(driven.listen())
                for domain in ("Log", "Runtime", "Network", "Page"):
                    await driven.call(f"{domain}.enable")
                yield driven
            await listening
    finally:
        process.terminate()
        await process.wait()


def _port(path: Path) -> str:
    """The port that it listens on, once it has said so."""
    until(lambda: path.exists() and "\n" in path.read_text(encoding="utf-8"))
    return path.read_text(encoding="utf-8").split("\n")[0]
