"""The sweeper as a process. It does not import the web services."""

import uvloop

from services.workers.sweeper.sweeper import Sweeper
from shared.platform.observability import logging, metrics_server
from shared.platform.settings import Settings


def run_sweeper(settings: Settings) -> None:
    """Run the sweeper until it is told to stop."""
    logging.configure_logging("sweeper", settings.log_level)
    metrics_server.serve_metrics(settings.metrics_host, settings.metrics_port)

    async def run() -> None:
        await Sweeper(settings).run()

    uvloop.run(run())
