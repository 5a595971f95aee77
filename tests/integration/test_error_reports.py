"""Reports of exceptions, as Sentry's own library sends them to a server on this machine."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from shared.platform.observability import error_reports, logging
from tests.support.receivers import receiving
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

SECRET = "person@example.com"


@pytest.fixture(autouse=True)
def _no_reports_afterwards() -> Iterator[None]:
    yield
    error_reports.configure_error_reports("test", "0", "")


async def test_a_report_has_type_place_and_ids_and_no_message() -> None:
    async with receiving() as server:
        dsn = server.url.replace("http://", "http://publickey@") + "/1"
        logging.configure_logging("worker")
        error_reports.configure_error_reports("worker", "1.2.3", dsn)
        try:
            raise LookupError(f"no lead has {SECRET}")
        except LookupError:
            logging.get_logger().exception("import.failed", workspace_id=7, submission_id="s1", email=SECRET)
        await asyncio.to_thread(error_reports.flush_error_reports)
        await until_async(lambda: bool(server.requests), what="the report")
        (body,) = [request.raw for request in server.requests]  # unpacked by the server
    event = orjson.loads(body.splitlines()[2])
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("LookupError", "")
    assert exception["stacktrace"]["frames"][-1]["filename"] == "test_error_reports.py"
    assert event["tags"] == {"service": "worker", "workspace_id": "7", "submission_id": "s1"}
    assert event["release"] == "leadhub@1.2.3"
    assert SECRET.encode() not in body


def test_a_dsn_that_cannot_be_read_is_refused_without_its_key() -> None:
    with pytest.raises(error_reports.ErrorReportsUnavailable) as caught:
        error_reports.configure_error_reports("worker", "1", "ftp://secretkey@h")
    assert "secretkey" not in str(caught.value)
