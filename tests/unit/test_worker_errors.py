"""Why something failed, in the reader's language: sentences of the workers, and what others said."""

import ast
from pathlib import Path

import pytest

from services.console.web.translations import load_languages
from services.console.web.worker_errors import own_error, worker_error
from services.workers.automations import execute_batch
from services.workers.deliveries import http_client, prepare, smtp_client
from services.workers.imports import verdict_collection
from services.workers.jobs import lead_items, stage_items
from services.workers.source_fetches import backfills, fetch_records, provider_client
from shared import integrations
from shared.automations import action_handlers, run_limits
from shared.integrations.lead_fetching import FetchAnswer, problem_by_status
from shared.integrations.webhook_exchange import CaseInsensitive

ARABIC = load_languages()["ar"].translations.gettext
NUMBERS = ("503", "#", "64", "20")
WORKERS_SENTENCES = (
    *(text for _, text in http_client.MESSAGES_BY_ERROR),
    http_client.ADDRESS_BLOCKED_MESSAGE,
    http_client.INVALID_ADDRESS_MESSAGE,
    http_client.DOCUMENT_TOO_LARGE_MESSAGE.format(kilobytes=64),
    prepare.OTHER_ADDRESS_MESSAGE,
    smtp_client.MAIL_REFUSED_MESSAGE,
    smtp_client.TIMED_OUT_MESSAGE,
    smtp_client.TLS_WANTED_MESSAGE,
    smtp_client.UNREACHABLE_MESSAGE,
    lead_items.GONE_MESSAGE,
    lead_items.SAME_MESSAGE,
    lead_items.MOVED_ON_MESSAGE,
    stage_items.ELSEWHERE_MESSAGE,
    "KeyError: a chunk of the job fails and is tried again.",
    backfills.KNOWN_LEAD_REASON,
    verdict_collection.DEAD_REASON.format(error="KeyError", id="01a23c04-f710-7d93-b90f-75d95e5ef24c"),
    run_limits.CHAIN_TOO_LONG_REASON,
    run_limits.LOOP_LIMIT_REASON,
    run_limits.SELF_TRIGGERED_REASON,
    execute_batch.LEAD_GONE_REASON,
    fetch_records.DELETED_INTEGRATION_REASON,
    provider_client.NO_TOKEN_MESSAGE,
    provider_client.UNREADABLE_LEAD_MESSAGE,
    problem_by_status("Typeform", FetchAnswer(503, CaseInsensitive({}), b"")).sentence,
    "The receiver answered 503.",
    "The receiver answered #.",  # as the title of a cause has it
)


@pytest.mark.parametrize("text", WORKERS_SENTENCES)
def test_a_sentence_of_the_workers_is_in_the_readers_language(text: str) -> None:
    assert own_error(text, str) == text
    translated = worker_error(text, ARABIC)
    assert translated != text
    assert "%" not in translated
    assert [each in translated for each in NUMBERS] == [each in text for each in NUMBERS]


@pytest.mark.parametrize("text", ["", "450 mailbox busy", "The receiver answered 503. And more", "100%(n)s", "50 %"])
def test_a_text_of_a_receiver_stays_as_it_came(text: str) -> None:
    assert (own_error(text, ARABIC), worker_error(text, ARABIC)) == ("", text)


def raised_sentences(path: Path, error: str) -> list[str]:
    """What a module raises errors of that name with, with 64 for a value."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    said = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == error and call.args]
    parts = [one.values if isinstance(one, ast.JoinedStr) else [one] for one in said]
    return ["".join(str(part.value) if isinstance(part, ast.Constant) else "64" for part in one) for one in parts]


def test_every_reason_why_a_body_is_unreadable_is_translated() -> None:
    modules = Path(integrations.__path__[0]).rglob("*.py")
    sentences = {text for path in modules for text in raised_sentences(path, "UnreadableBody")}
    assert len(sentences) > 20
    assert [text for text in sentences if worker_error(f"UnreadableBody: {text}", ARABIC).startswith("Un")] == []


def test_every_reason_why_a_step_fails_is_translated() -> None:
    sentences = set(raised_sentences(Path(action_handlers.__file__), "StepFailed")) - {"the template 64"}
    assert len(sentences) > 5
    shown = {text: own_error(text.replace(": 64", ": TypeError"), ARABIC) for text in sentences}
    assert [text for text, said in shown.items() if not said or said == text] == []
