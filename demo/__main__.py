"""The programs that `./leadhub demo` runs beside LeadHub: `python -m demo receivers` and `python -m demo sources`."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from demo.demo_receivers import run_receivers
from demo.demo_sources import run_sources
from demo.demo_state import read_plan
from shared.platform.observability import logging
from shared.platform.settings import Settings


@click.group()
def programs() -> None:
    """Run a part of the demo."""


@programs.command()
@click.argument("data_dir", type=Path)
def receivers(data_dir: Path) -> None:
    """Run the receivers of what the demo's LeadHub sends."""
    asyncio.run(_until_stopped(run_receivers(read_plan(data_dir))))


@programs.command()
@click.argument("data_dir", type=Path)
@click.option("--url", required=True)
@click.option("--rate", type=float, required=True)
def sources(data_dir: Path, url: str, rate: float) -> None:
    """Fill the workspace once, then post leads."""
    database_url = Settings().database_url
    asyncio.run(_until_stopped(run_sources(read_plan(data_dir), data_dir, url, database_url, rate)))


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do the work until a signal ends it."""
    logging.configure_logging("demo")
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    programs()
