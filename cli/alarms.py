"""`alarms`: messages about conditions that need an operator."""

import asyncio

import click

from cli.common import data_dir_option, make_settings, notify_operator, print_table
from services.workers.alarms.notifier import AlarmNotifier, is_sent
from services.workers.deliveries.types import AttemptResult
from shared.platform.settings import Settings

NO_TARGETS_MESSAGE = "alarms go nowhere: set LEADHUB_ALARM_EMAIL or LEADHUB_ALARM_SLACK_URL, in every sweeper too"


@click.group()
@data_dir_option
def alarms() -> None:
    """Messages about conditions that need an operator."""


@alarms.command("test")
@data_dir_option
def test_alarms() -> None:
    """Send a test message to each target, and show what its server answered.

    The targets are those of LEADHUB_ALARM_EMAIL and LEADHUB_ALARM_SLACK_URL. Ends with status 1 if a server did not
    take the message. No service has to run.
    """
    settings = make_settings()
    results = asyncio.run(_send_test(settings))
    if not results:
        raise click.UsageError(NO_TARGETS_MESSAGE)
    print_table([], [[target, _describe_result(result)] for target, result in results])
    if refused := [target for target, result in results if not is_sent(result)]:
        notify_operator(f"leadhub: not sent: {', '.join(refused)}")
        raise SystemExit(1)


async def _send_test(settings: Settings) -> list[tuple[str, AttemptResult]]:
    notifier = AlarmNotifier(settings)
    message = notifier.make_test_message()
    return [(target, await notifier.send(target, message)) for target in notifier.targets]


def _describe_result(result: AttemptResult) -> str:
    """Return the server's answer in one line, with the reason if it was not taken."""
    parts = ("" if result.status is None else str(result.status), result.body or "", result.error or "")
    return " ".join(" ".join(parts).split())
