"""The program that fills the demo's workspace once, and then posts live traffic until it is stopped."""

from pathlib import Path

from demo.api_client import ApiClient
from demo.backdrop import Backdrop
from demo.demo_state import DemoMemory, DemoPlan, PersonNumbers, ready_file
from demo.lead_history import LeadHistory
from demo.lead_posting import LeadPoster
from demo.live_traffic import LiveTraffic
from demo.sample_records import PRICING_FORM_NAME
from demo.spread_times import spread_over_days
from demo.workspace_setup import WorkspaceSetup


async def run_sources(plan: DemoPlan, data_dir: Path, base_url: str, database_url: str, rate: float) -> None:
    """Fill the workspace if it is new, say so by a file, and post until cancelled."""
    memory = DemoMemory(data_dir)
    async with ApiClient(base_url) as client:
        setup = WorkspaceSetup(client, memory, plan)
        await setup.create_basics()
        poster = LeadPoster(client, memory, setup.ids[PRICING_FORM_NAME])
        if not memory.get("has_history"):
            await LeadHistory(plan, memory, setup.ids).post_all(poster)
            await spread_over_days(database_url, plan.seed)
            memory.keep("has_history", True)
        await Backdrop(client, database_url, memory, plan, setup.ids).add_all()
        await setup.create_reactions()
        life = int(memory.get("lives", 0)) + 1
        memory.keep("lives", life)
        ready_file(data_dir).touch()
        await LiveTraffic(plan, poster, PersonNumbers(memory), rate, life).run()
