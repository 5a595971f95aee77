"""`listen`: forward the events of a workspace to a program on this machine."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from cli.event_forwarding import EventForwarder, ForwardedEvent, is_secret, new_secret
from cli.held_interrupts import HeldInterrupts
from cli.listen_cursor import NEWEST, ListenCursor, usual_cursor_file
from cli.remote_api import CONNECTION_ERRORS, HTTP_SCHEMES, RemoteAnswer, RemoteApi, remote_options

WAIT_SECONDS = 25
MAX_PAUSE_SECONDS = 30.0  # between two tries to reach LeadHub
FIRST_PAUSE_SECONDS = 0.5
BUSY_STATUSES = (429, 500, 502, 503, 504)
GONE_MESSAGE = "events after the last one that came are gone; going on with the oldest that is kept"
BAD_FORWARD_MESSAGE = "an address such as http://localhost:3000/hooks"


def _check_forward(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in HTTP_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise click.BadParameter(BAD_FORWARD_MESSAGE)
    return value


def _check_secret(_: click.Context, __: click.Parameter, secret: str | None) -> str | None:
    if secret is not None and not is_secret(secret):
        raise click.BadParameter("receivers take only whsec_ with base64 behind it; leave it out for a new one")
    return secret


@click.command()
@click.option("--forward", callback=_check_forward, help="Where to post each event. Without it they are only shown.")
@click.option("--events", help="Which ones, with commas between: lead.created,tag.added. All unless given.")
@click.option("--after", help="A cursor; `now`; or `oldest`. Unless given: where this command stopped last, or now.")
@click.option(
    "--secret",
    envvar="LEADHUB_LISTEN_SECRET",
    callback=_check_secret,
    help="Signs the events, as whsec_ and base64; a new one unless given. LEADHUB_LISTEN_SECRET is not seen by others.",
)
@click.option("--print-json", is_flag=True, help="Print each event's body on a line, and all else to stderr.")
@click.option("--cursor-file", type=click.Path(dir_okay=False, path_type=Path), help="Where to keep the cursor.")
@remote_options
def listen(
    forward: str | None,
    events: str | None,
    after: str | None,
    secret: str | None,
    print_json: bool,
    cursor_file: Path | None,
    url: str,
    key: str,
) -> None:
    """Show events as they happen, and post each to a program here.

    It needs no public address and no subscription: it asks LeadHub, which answers when something happens. The key needs
    the scopes read:integrations and read:leads.

    Each event is posted as a webhook would be: the same body, the headers webhook-id, webhook-timestamp and
    webhook-signature, one after the other. One that is not answered with 2xx is tried three times more, after 1, 2 and
    4 seconds. Then it goes on with the next.

    The secret that signs is printed at the start: put it where your program expects that of a webhook.

    Stop it with Ctrl-C: it waits for the answer to the event in hand, and the next time it goes on behind that. After a
    second Ctrl-C, or a kill, that event may come once more, under the same webhook-id.

    \b
    Examples:
      leadhub listen --forward http://localhost:3000/hooks
      leadhub listen --events lead.created --after oldest --print-json | jq .lead.email
    """
    client = RemoteApi(url, key)
    printer = EventPrinter(print_json)
    interrupts = HeldInterrupts()
    with interrupts.handling_signals():
        try:
            workspace = _find_workspace(client)
            place = ListenCursor.open(cursor_file or usual_cursor_file(client.host, workspace), after)
            forwarder = _make_forwarder(forward, secret, printer, interrupts)
            printer.note(f"listening to {workspace} at {url}; Ctrl-C stops it")
            EventListener(client, place, events, printer, forwarder, interrupts).run()
        except KeyboardInterrupt:
            printer.note("stopped; the same command goes on from here")


def _make_forwarder(
    forward: str | None, secret: str | None, printer: "EventPrinter", interrupts: HeldInterrupts
) -> EventForwarder | None:
    if forward is None:
        return None
    signing_secret = secret or new_secret()
    printer.note(f"signing with {signing_secret}")
    return EventForwarder(forward, signing_secret, interrupts.sleep)


def _find_workspace(client: RemoteApi) -> str:
    """Return the slug of the key's workspace. RuntimeError if the key is refused or nobody answers."""
    try:
        answer = client.call("GET", "me")
    except CONNECTION_ERRORS as error:
        raise RuntimeError(f"{client.host} does not answer: {error}") from None
    profile = answer.document()
    if not answer.is_good or not isinstance(profile, dict):
        raise RuntimeError(f"{client.host} says: {answer.message()}")
    return str(profile["data"]["workspace"]["slug"])


class EventPrinter:
    """Prints events for people, or their bodies for programs."""

    def __init__(self, prints_json: bool) -> None:
        self._prints_json = prints_json

    def note(self, text: str) -> None:
        """Print a line about the command itself."""
        click.echo(text, err=True)

    def show_body(self, event: dict[str, Any]) -> None:
        """Print the body of an event, if bodies are wanted."""
        if self._prints_json:
            click.echo(json.dumps(event, ensure_ascii=False, separators=(",", ":")))

    def show_line(self, event: dict[str, Any], outcome: ForwardedEvent | None, pause: float | None) -> None:
        """Print a try at an event: when, what, the receiver's status and how long it took."""
        words = [time.strftime("%H:%M:%S"), f"{event['event']:<18}"]
        if outcome is not None:
            words += [str(outcome.status or "---"), f"{outcome.milliseconds:5.0f} ms"]
        lead = event.get("lead") or {}
        words += [f"lead {lead['id']}"] if lead.get("id") else []
        words.append(str(event["id"]))
        if outcome is not None and not outcome.was_taken:
            words += [outcome.error] if outcome.error else []
            words.append("given up" if pause is None else f"again in {pause:g} s")
        click.echo("  ".join(words), err=self._prints_json)


class EventListener:
    """Reads events by cursor until it is interrupted, whatever happens to the connection."""

    def __init__(
        self,
        client: RemoteApi,
        place: ListenCursor,
        events: str | None,
        printer: EventPrinter,
        forwarder: EventForwarder | None,
        interrupts: HeldInterrupts,
    ) -> None:
        self._client = client
        self._place = place
        self._types = {"types": events} if events else {}
        self._printer = printer
        self._forwarder = forwarder
        self._interrupts = interrupts
        self._pause = FIRST_PAUSE_SECONDS

    def run(self) -> None:
        """Forward what comes. RuntimeError if the service refuses."""
        while True:
            answer = self._ask()
            if answer is None:
                continue
            if answer.status == 410:
                self._printer.note(GONE_MESSAGE)
                self._place.advance(answer.document()["oldest_cursor"])
            elif answer.status in BUSY_STATUSES:
                self._wait(answer.message(), answer.retry_after())
            elif answer.is_good and isinstance(page := answer.document(), dict):
                self._pause = FIRST_PAUSE_SECONDS
                self._handle(page)
            else:
                raise RuntimeError(f"{self._client.host} says: {answer.message()}")

    def _ask(self) -> RemoteAnswer | None:
        after = {"after": self._place.cursor} if self._place.cursor else {}
        # What happened in a wait that was cut would be missed after another `now`.
        wait = {} if self._place.cursor == NEWEST else {"wait": str(WAIT_SECONDS)}
        try:
            return self._client.call("GET", "events", {**after, **self._types, **wait})
        except CONNECTION_ERRORS as error:
            self._wait(f"{self._client.host} does not answer: {error}", 0)
            return None

    def _wait(self, why: str, least: float) -> None:
        seconds = max(self._pause, least)
        self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)
        self._printer.note(f"{why}; again in {seconds:g} s")
        time.sleep(seconds)

    def _handle(self, page: dict[str, Any]) -> None:
        for event in self._place.unseen(page["data"]):
            with self._interrupts.holding():
                self._handle_event(event)
        self._place.advance(page["meta"]["next_cursor"])

    def _handle_event(self, event: dict[str, Any]) -> None:
        self._printer.show_body(event)
        if self._forwarder is None:
            self._printer.show_line(event, None, None)
        else:
            self._forwarder.forward(event, partial(self._printer.show_line, event))
        self._place.note_seen(event["id"])
