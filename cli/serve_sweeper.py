"""The sweeper as a process. It does not import the web services."""

import uvloop

from services.workers.sweeper.sweeper import Sweeper
from shared.platform.observability import metrics_server
from shared.platform.observability.process_observation import flush_observations, observe_process
from shared.platform.settings import Settings


def run_sweeper(settings: Settings) -> None:
    """Run the sweeper until it is told to stop."""
    observe_process("sweeper", settings)
    metrics_server.serve_metrics(settings.metrics_host, settings.metrics_port)

    async def run() -> None:
        await Sweeper(settings).run()

    try:
        uvloop.run(run())
    finally:
        flush_observations()
