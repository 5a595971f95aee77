"""What `listen` does without a LeadHub: it signs as webhooks are signed, tries again, and remembers its place."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli.event_forwarding import RETRY_PAUSES, EventForwarder, ForwardedEvent, new_secret, signed_headers
from cli.listen_cursor import ListenCursor, usual_cursor_file
from cli.main import command_line
from cli.remote_api import RemoteApi
from services.workers.deliveries.signatures import signature_headers

EVENT = {"id": "msg_1", "event": "lead.created", "lead": {"id": 1, "first_name": "Zoë"}}


@given(st.one_of(st.builds(new_secret), st.text(min_size=1)), st.integers(1, 2**32), st.text().map(str.encode))
def test_signature_is_that_of_a_webhook(secret: str, timestamp: int, body: bytes) -> None:
    expected = signature_headers("msg_1", timestamp, body, [secret])
    assert signed_headers(secret, "msg_1", timestamp, body).items() <= expected.items()


@contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that answers with these statuses, the last one again and again. Its URL, and what it got."""
    left, came = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hooks?x=1", came
        finally:
            server.shutdown()


def forwarded(url: str) -> tuple[bool, list[tuple[ForwardedEvent, float | None]], list[float]]:
    """Whether the event was taken, what was reported of each try, and the pauses that were made."""
    reports: list[tuple[ForwardedEvent, float | None]] = []
    pauses: list[float] = []
    was_taken = EventForwarder(url, "whsec_AAAA", pauses.append).forward(EVENT, lambda *said: reports.append(said))
    return was_taken, reports, pauses


def test_event_is_posted_until_it_is_taken() -> None:
    with receiver(500, 302, 204) as (url, came):
        was_taken, reports, pauses = forwarded(url)
    assert (was_taken, [outcome.status for outcome, _ in reports]) == (True, [500, 302, 204])
    assert pauses == list(RETRY_PAUSES[:2])
    assert {headers["webhook-id"] for headers, _ in came} == {"msg_1"}
    assert [json.loads(body) for _, body in came] == [EVENT] * 3
    headers, body = came[-1]
    timestamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == signed_headers("whsec_AAAA", "msg_1", timestamp, body)["webhook-signature"]


def test_event_that_nobody_takes_is_given_up_after_four_tries() -> None:
    with receiver(500) as (url, came):
        was_taken, reports, pauses = forwarded(url)
    assert (was_taken, len(came), pauses, reports[-1][1]) == (False, 4, list(RETRY_PAUSES), None)
    was_taken, reports, _ = forwarded("http://127.0.0.1:1/")  # where nobody listens
    assert (was_taken, [outcome.status for outcome, _ in reports]) == (False, [None] * 4)
    assert "refused" in str(reports[0][0].error)


def test_place_in_the_feed_survives_a_stop_in_the_midst_of_a_page(tmp_path: Path) -> None:
    path, page = tmp_path / "deep" / "cursor.json", [{"id": f"msg_{n}"} for n in range(4)]
    place = ListenCursor.open(path, None)
    assert place.cursor == "now"
    place.advance("ev-1-7")
    for event in list(place.unseen(page))[:2]:
        place.note_seen(event["id"])
    again = ListenCursor.open(path, None)
    assert (again.cursor, list(again.unseen(page))) == ("ev-1-7", page[2:])
    assert list(again.unseen([{"id": "msg_9"}])) == [{"id": "msg_9"}]  # the others were erased meanwhile
    again.advance("ev-1-11")
    assert list(ListenCursor.open(path, None).unseen(page)) == page
    assert ListenCursor.open(path, "ev-1-2").cursor == "ev-1-2"
    assert ListenCursor.open(path, "oldest").cursor is None
    path.write_text("{}")
    with pytest.raises(RuntimeError, match="remove it"):
        ListenCursor.open(path, None)


def test_cursor_file_is_named_after_installation_and_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert usual_cursor_file("[::1]:8000", "main") == Path("/state/leadhub/listen----1--8000-main.json")


@pytest.mark.parametrize(
    "words",
    [
        ("listen",),
        ("listen", "--key", "x", "--forward", "localhost:3000"),
        ("listen", "--key", "x", "--url", "https://example.com/api"),
    ],
)
def test_wrong_use_of_listen_ends_with_2(words: tuple[str, ...]) -> None:
    assert CliRunner(env={"LEADHUB_KEY": "", "LEADHUB_URL": ""}).invoke(command_line, words).exit_code == 2


def test_an_endless_answer_is_given_up_and_its_status_counts() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the other side has gone
                while True:
                    self.wfile.write(b"x" * 65_536)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        was_taken, reports, _ = forwarded(f"http://127.0.0.1:{server.server_address[1]}/")
        server.shutdown()
    assert (was_taken, [outcome.status for outcome, _ in reports]) == (True, [200])


@pytest.mark.parametrize("secret", ["", "whsec_", "plain secret"])
def test_secret_that_no_receiver_takes_is_refused(secret: str) -> None:
    words = ["listen", "--forward", "http://127.0.0.1:1", "--secret", secret, "--url", "http://127.0.0.1:1"]
    done = CliRunner().invoke(command_line, [*words, "--key", "lh_x"])
    assert (done.exit_code, "whsec_" in done.output) == (2, True)


def test_key_with_a_line_break_is_refused_without_being_shown() -> None:
    with pytest.raises(RuntimeError, match="characters that no key has"):
        RemoteApi("http://127.0.0.1:1", "lh_x\r\nX-Evil: 1")
