"""The receivers of what the demo's LeadHub sends: web servers of three tempers, and a mail server. All forget at once.

Nothing that the demo sends leaves this machine.
"""

import asyncio
from random import Random

from aiohttp import web

from demo.demo_state import RECEIVER_HOST, DemoPlan

SLOW_ANSWER_SECONDS = 4.0
FAILURE_SHARE = 0.7  # of the answers of the receiver that fails
MAX_MAIL_BYTES = 1024 * 1024
QUICK_PATH, SLOW_PATH, FAILING_PATH, GONE_PATH = "/quick", "/slow", "/failing", "/no-such-page"
SLACK_PATH = "/slack"


async def answer_quickly(_: web.Request) -> web.Response:
    """Answer 200 at once."""
    return web.json_response({"ok": True})


async def answer_slowly(_: web.Request) -> web.Response:
    """Answer 200 after some seconds."""
    await asyncio.sleep(SLOW_ANSWER_SECONDS)
    return web.json_response({"ok": True})


async def answer_message(_: web.Request) -> web.Response:
    """Answer as a provider of text messages does."""
    return web.json_response({"sid": "SM00000000000000000000000000000000", "status": "queued"}, status=201)


class FailingReceiver:
    """Answers most requests with 503."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"{seed}/failing")

    async def answer(self, _: web.Request) -> web.Response:
        """Answer 503, or 200 now and then."""
        if self._random.random() < FAILURE_SHARE:
            return web.json_response({"error": "the demo's receiver is down"}, status=503)
        return web.json_response({"ok": True})


def receiver_application(seed: int) -> web.Application:
    """Return the web server with a path for each temper; any other path is 404."""
    application = web.Application()
    application.router.add_post(QUICK_PATH, answer_quickly)
    application.router.add_post(SLACK_PATH, answer_quickly)
    application.router.add_post(SLOW_PATH, answer_slowly)
    application.router.add_post(FAILING_PATH, FailingReceiver(seed).answer)
    application.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", answer_message)
    return application


async def swallow_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak SMTP with one client: take every mail, and keep none."""
    try:
        writer.write(b"220 demo ready\r\n")
        while command := (await reader.readline()).strip().upper():
            if command == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            writer.write(smtp_answer(command))
            await writer.drain()
            if command == b"QUIT":
                break
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # a client that goes away, or a mail without an end
    finally:
        writer.close()


def smtp_answer(command: bytes) -> bytes:
    """Return the answer to a command in capital letters. Everything is accepted."""
    if command.startswith(b"EHLO"):
        return b"250-demo\r\n250 8BITMIME\r\n"
    return b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n"


async def run_receivers(plan: DemoPlan) -> None:
    """Serve until cancelled."""
    runner = web.AppRunner(receiver_application(plan.seed), shutdown_timeout=0.5, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, RECEIVER_HOST, plan.http_port).start()
    mail = await asyncio.start_server(swallow_mail, RECEIVER_HOST, plan.smtp_port, limit=MAX_MAIL_BYTES)
    try:
        await mail.serve_forever()
    finally:
        await runner.cleanup()
