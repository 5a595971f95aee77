"""`demo`: `up` with a filled workspace, made-up sources that post to it, and receivers of what it sends."""

import os
import secrets
import shlex
import sys
from collections.abc import Sequence

import click

from cli.child_programs import service_environment
from cli.common import STORE_URL_NAMES, make_data_dir_option, make_settings, notify_operator
from cli.supervisor import Supervisor
from cli.up import UpExtension, base_url_of, run_installation
from demo.budget_check import install_budget_check
from demo.demo_state import (
    RECEIVER_HOST,
    WORKSPACE_NAME,
    WORKSPACE_SLUG,
    DemoMemory,
    DemoPlan,
    NotDemoDir,
    open_plan,
    ready_file,
)
from demo.lead_sources import LEAD_SOURCES
from embedded.process import ChildProgram
from shared import workspaces
from shared.auth import installation_keys
from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.platform.data_dir import DataDir
from shared.platform.db.connections import Connection, connect
from shared.platform.installation import COMMAND_NAME, STATE_FOLDER
from shared.platform.settings import Settings

DEMO_DATA_DIR = STATE_FOLDER / ".leadhub-demo"
DEFAULT_RATE, DEFAULT_SEED, DEFAULT_LEADS = 1.0, 1, 8000
MAX_RATE, MAX_LEADS = 500.0, 50_000
DATA_DIR_HELP = "Where all state of the demo lies; .leadhub-demo/ in the project unless given."
VISITOR_EMAIL, VISITOR_NAME = "demo@example.com", "Demo Visitor"
VISITOR_PASSWORD_BYTES = 9
# A demo that was given an operator's database would fill it.
SOURCES_STAGE, RECEIVERS_STAGE = 4, 1  # sources stop before the gateways, receivers after the workers

BANNER_TEXT = """
The demo runs: workspace `{slug}` ({name}), {rate:g} leads a second.

Console:   {url}/console/
           sign in as {email} with {password}
API:       {url}/api/documentation
Key:       {key}   (may do everything; shown at each start)

Post a lead of your own:
curl -X POST "{url}/api/inbound/leads?tenant={slug}" -H "Authorization: Bearer {key}" \
-H "Content-Type: application/json" -d '{{"email":"ada@example.com","first_name":"Ada"}}'

Made up: all people, companies and messages. Nothing leaves this machine: mail, texts and webhooks of the demo go to
receivers of its own, one quick, one slow, one that mostly fails.
Made up as well: a check in the demo's database refuses leads whose custom field `budget` is text. They die with
`custom field "budget" is not a number`; give them a number and replay them. LeadHub itself has no such check.

Sources:
{sources}

Break something; what dies is started again and no lead is lost:
kill -9 $(cat {run}/worker-1.pid)          # or gateway, sweeper, demo-receivers, demo-sources
kill -9 $(head -1 {data}/postgres-18/postmaster.pid)
{command} status{options}

Ctrl-C stops everything. Started again it goes on with the same data. To remove all of it: rm -r {data}
"""


@click.command()
@click.option("--port", type=int, help="Port to listen on; 8000 unless given, 0 for any free one.")
@click.option(
    "--rate", type=click.FloatRange(0.1, MAX_RATE), default=DEFAULT_RATE, show_default=True, help="Leads a second."
)
@click.option("--seed", type=int, help="Another number makes other people; only for a new demo.")
@click.option(
    "--leads",
    type=click.IntRange(0, MAX_LEADS),
    help=f"Leads of the last days, {DEFAULT_LEADS:,} unless given; only for a new demo.",
)
@make_data_dir_option(DATA_DIR_HELP)
def demo(port: int | None, rate: float, seed: int | None, leads: int | None) -> None:
    """Start everything with made-up leads and live traffic.

    People and traffic are made up, and nothing leaves this machine. The demo has a data dir and servers of its own, and
    touches no other LeadHub. Ctrl-C stops it, and the next start goes on with the same data.
    """
    settings = make_settings(port=port, data_dir=DEMO_DATA_DIR)
    refuse_foreign_stores(settings)
    try:
        wanted = (DEFAULT_SEED if seed is None else seed, DEFAULT_LEADS if leads is None else leads)
        plan = open_plan(settings.data_dir, *wanted)
    except NotDemoDir as error:
        raise click.UsageError(f"{error}; pass another --data-dir") from None
    if seed not in (None, plan.seed) or leads not in (None, plan.leads):
        notify_operator("leadhub: --seed and --leads are for a new demo; this one goes on as it was made")
    settings = make_settings(port=port, data_dir=DEMO_DATA_DIR, **keep_messages_here(plan))
    ready_file(settings.data_dir).unlink(missing_ok=True)
    run_installation(settings, DemoExtension(plan, rate))


def refuse_foreign_stores(settings: Settings) -> None:
    """Raise UsageError if a variable names a database or Redis: the demo fills what it finds."""
    named = [f"LEADHUB_{name.upper()}" for name in STORE_URL_NAMES if getattr(settings, name)]
    if named:
        raise click.UsageError(f"the demo has servers of its own, and {', '.join(named)} names another: unset it")


def keep_messages_here(plan: DemoPlan) -> dict[str, str]:
    """Return settings that send all mail and texts to the demo's receivers, and put them into the environment.

    The address guard is opened for the receivers' address alone.
    """
    chosen = {
        "allowed_targets": RECEIVER_HOST,
        "smtp_url": plan.smtp_url,
        "mail_from": "sales@nordlys.example.com",
        "twilio_url": plan.receiver_url,
        "mailgun_url": plan.receiver_url,
        "demo": "true",
    }
    os.environ.update({f"LEADHUB_{name.upper()}": value for name, value in chosen.items()})
    return chosen


async def ensure_visitor(connection: Connection, memory: DemoMemory) -> None:
    """Make the account by which visitors of the demo sign in, with a password of this data dir's own."""
    password = memory.get("visitor_password")
    if password is None:
        password = secrets.token_urlsafe(VISITOR_PASSWORD_BYTES)
        memory.keep("visitor_password", password)
    await create_operator_made_user(
        connection,
        WORKSPACE_SLUG,
        email=VISITOR_EMAIL,
        name=VISITOR_NAME,
        role="admin",
        is_operator=True,
        password_hash=await PasswordHashing().hash_password(password),
    )


class DemoExtension(UpExtension):
    """The steps that the demo adds to `up`: its workspace, its sources and its receivers."""

    def __init__(self, plan: DemoPlan, rate: float) -> None:
        self._plan = plan
        self._rate = rate

    async def create_first_workspace(self, settings: Settings) -> str | None:
        """Make the workspace and a key of the demo's own, once, and install the made-up check. Return the key."""
        memory = DemoMemory(settings.data_dir)
        async with connect(settings.database_url, "leadhub-cli") as connection:
            await install_budget_check(connection)
            if key := memory.get("admin_key"):
                return str(key)
            async with connection.transaction():
                if WORKSPACE_SLUG not in [each["slug"] for each in await workspaces.list_workspaces(connection)]:
                    await workspaces.create_workspace(connection, WORKSPACE_SLUG, WORKSPACE_NAME)
                created = await installation_keys.create_key(connection, WORKSPACE_SLUG, "Demo", ["*"], rate_limit=None)
                await ensure_visitor(connection, memory)
        memory.keep("admin_key", created.key.secret)
        return created.key.secret

    def extra_programs(self, settings: Settings) -> Sequence[ChildProgram]:
        """Return the receivers and the sources."""
        posting = ("--url", base_url_of(settings), "--rate", str(self._rate))
        return (
            _demo_program(settings, "receivers", (), RECEIVERS_STAGE),
            _demo_program(settings, "sources", posting, SOURCES_STAGE),
        )

    def announce(self, supervisor: Supervisor, settings: Settings, key: str | None) -> None:
        """Wait until the workspace is filled, then tell what there is to see and to break."""
        notify_operator("LeadHub runs; the workspace is being filled")
        supervisor.wait_until(ready_file(settings.data_dir).exists)
        notify_operator(f"LeadHub is ready at {base_url_of(settings)}")
        click.echo(self._banner(settings, key or ""))

    def _banner(self, settings: Settings, key: str) -> str:
        data = shlex.quote(str(settings.data_dir))
        return BANNER_TEXT.format(
            command=COMMAND_NAME,
            slug=WORKSPACE_SLUG,
            name=WORKSPACE_NAME,
            rate=self._rate,
            url=base_url_of(settings),
            email=VISITOR_EMAIL,
            password=DemoMemory(settings.data_dir).get("visitor_password", ""),
            key=key,
            sources="\n".join(f"  {source.name}: {source.habit}" for source in LEAD_SOURCES),
            run=f"{data}/run",
            data=data,
            options=f" --data-dir {data}",
        )


def _demo_program(settings: Settings, part: str, options: tuple[str, ...], stage: int) -> ChildProgram:
    home, name = DataDir(settings.data_dir), f"demo-{part}"
    return ChildProgram(
        name=name,
        argv=(sys.executable, "-m", "demo", part, str(home.path), *options),
        log=home.logs_dir / f"{name}.log",
        env={**service_environment(settings, name), "LEADHUB_METRICS_PORT": "0"},
        stop_stage=stage,
        pid_file=home.run_dir / f"{name}.pid",
    )
