"""`up`: run everything on this machine, in the foreground."""

import asyncio
import errno
import http.client
import shlex
import shutil
import socket
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli import child_programs, listening_sockets
from cli.common import (
    data_dir_option,
    log_operator_lines,
    make_settings,
    notify_operator,
    print_new_key,
    warn_of_wrong_key,
)
from cli.descendants import adopt_orphans
from cli.drill.requested_drills import RequestedDrills
from cli.dump import drop_leftover_databases
from cli.external_stores import warn_of_unavailable_stores
from cli.files_check import check_files_library
from cli.forked_services import ServiceForks, fork_server_program
from cli.logs import OWN_LOG_NAME
from cli.schema import upgrade_in_child
from cli.spool_check import check_spool_durability
from cli.supervisor import StopRequested, Supervisor
from cli.watchdog import HeartbeatWatch, LivenessWatch
from embedded.dirty_page_flusher import DirtyPageFlusher
from embedded.process import ChildProgram
from embedded.servers import EmbeddedServers
from shared.platform.data_dir import SERVICE_KIND, DataDir, DataDirInUse, free_port
from shared.platform.db.connections import connect
from shared.platform.installation import COMMAND_NAME
from shared.platform.settings import Settings

WELCOME_MESSAGE = """\
Workspace: main
Key:       {key}   (shown only now)
Console:   {link}
           (makes your account, once, within 24 hours)"""
TRY_IT_MESSAGE = """\
Try it:
curl -X POST "{url}/api/inbound/leads?tenant=main" -H "Authorization: Bearer {key}" \
-H "Content-Type: application/json" -d '{{"email":"ada@example.com","first_name":"Ada"}}'
This key may do everything. A website needs one that only posts leads:
{command} key create --workspace main --name website --scopes submit:leads{options}"""

CONSOLE_PATH = "/console/"

NO_METRICS_WARNING = """\
leadhub: WARNING: port {port} of {host} cannot be listened on ({why}): there are no metrics until it can be. Name \
another by LEADHUB_METRICS_PORT (0: no metrics) or LEADHUB_METRICS_HOST"""


class UpExtension:
    """The steps of a start that another command may replace or add to; here as `up` itself takes them."""

    async def create_first_workspace(self, settings: Settings) -> str | None:
        """Make the first workspace of a new data dir. Return its key, or None if there is nothing to make."""
        return await create_first_workspace(settings)

    def extra_programs(self, settings: Settings) -> Sequence[ChildProgram]:
        """Return further programs to supervise, which start after the services."""
        return ()

    def announce(self, supervisor: Supervisor, settings: Settings, key: str | None) -> None:
        """Tell the operator that everything runs."""
        notify_operator(f"LeadHub is ready at {base_url_of(settings)}")
        notify_operator(f"console: {link_base_url(settings)}{CONSOLE_PATH}")
        if key:
            values = {"key": key, "url": base_url_of(settings), "options": extra_options(settings)}
            click.echo(TRY_IT_MESSAGE.format(command=COMMAND_NAME, **values))


@click.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 unless given.")
@click.option("--port", type=int, help="Port to listen on; 8000 unless given, 0 for any free one.")
@click.option("--web", type=int, help="Gateway processes that share the port; 1 unless given.")
@click.option("--workers", type=int, help="Worker processes; 1 unless given.")
@data_dir_option
def up(host: str | None, port: int | None, web: int | None, workers: int | None) -> None:
    """Start everything in the foreground, behind one port.

    That is PostgreSQL and Valkey (where no URL names a real one), gateway, API, console, workers and sweeper. A new
    data dir gets the workspace `main`, a key, printed once with a curl line to paste, and a link by which the first
    admin makes an account for the console. What dies is started again. Ctrl-C or SIGTERM stops all of it in order; a
    second one at once. `leadhub logs` shows the logs.
    """
    run_installation(make_settings(host=host, port=port, web=web, workers=workers), UpExtension())


def run_installation(settings: Settings, extension: UpExtension) -> None:
    """Run everything on the settings' data dir until a signal comes. UsageError if that is not possible."""
    check_spool_durability(settings)
    check_files_library(settings)
    warn_of_unavailable_stores(settings)
    try:
        # Before the port is tried, which an `up` that runs there has taken.
        with DataDir(settings.data_dir).hold_lock(SERVICE_KIND):
            log_operator_lines(DataDir(settings.data_dir).logs_dir / OWN_LOG_NAME)
            _warn_of_writable_folder(settings.data_dir)
            _run_supervised(extension, *_with_listeners(with_metrics_port(settings)))
    except DataDirInUse as error:
        raise click.UsageError(f"{error}; stop that one first, or pass another --data-dir") from None


def _run_supervised(extension: UpExtension, settings: Settings, listeners: Sequence[socket.socket]) -> None:
    supervisor = Supervisor()
    adopt_orphans()
    _make_empty_folder(Path(settings.metrics_dir) if settings.metrics_dir else settings.data_dir / "run" / "metrics")
    with supervisor.handling_signals():
        try:
            supervisor.fork_services(ServiceForks(fork_server_program(settings, str(child_programs.LAUNCHER_PATH))))
            settings, key = _start_servers(supervisor, EmbeddedServers(settings), extension)
            _start_services(supervisor, settings, listeners, extension.extra_programs(settings))
            supervisor.wait_until(lambda: is_healthy(settings))
            extension.announce(supervisor, settings, key)
            supervisor.run()
        except StopRequested:
            pass
        finally:
            # Before the gateways close theirs: otherwise connections would wait for a next gateway.
            listening_sockets.close_sockets(listeners)
        notify_operator("stopping")
    if supervisor.forced_ends:
        sys.exit(1)
    notify_operator("stopped")


def extra_options(settings: Settings) -> str:
    """Return the options that other commands need for this installation."""
    is_usual = settings.data_dir == Settings.model_fields["data_dir"].default
    return "" if is_usual else f" --data-dir {shlex.quote(str(settings.data_dir))}"


def _start_servers(
    supervisor: Supervisor, embedded: EmbeddedServers, extension: UpExtension
) -> tuple[Settings, str | None]:
    """Start the servers, migrate, make the first workspace. Return the settings with URLs, and a new first key."""
    embedded.data_dir.forget_ports()
    supervisor.start_children_ready(server.child_program() for server in embedded.needed_servers)
    if embedded.postgres:
        DirtyPageFlusher(embedded.postgres.databases_folder).start()
    settings = embedded.complete_settings()
    with supervisor.interruptible():
        upgrade_in_child(settings.database_url)
        if embedded.postgres:
            drop_leftover_databases(settings.database_url)
    return settings, asyncio.run(extension.create_first_workspace(settings))


def _start_services(
    supervisor: Supervisor, settings: Settings, listeners: Sequence[socket.socket], extra: Sequence[ChildProgram]
) -> None:
    DataDir(settings.data_dir).record_base_url(base_url_of(settings))
    for stale in (settings.data_dir / "run").glob("*.pid"):  # leftovers of an `up` that was killed
        stale.unlink()
    services = (
        *child_programs.worker_programs(settings),
        child_programs.sweeper_program(settings),
        *child_programs.gateway_programs(settings, listeners),
        *extra,
    )
    for program in services:
        supervisor.start_child(program)
    beating = [child for child in supervisor.children if child.program.name.startswith(("worker-", "sweeper"))]
    supervisor.add_chore(HeartbeatWatch(settings.database_url, beating).kill_stale)
    supervisor.add_chore(
        LivenessWatch([child for child in supervisor.children if child.program.has_liveness_pipe]).kill_unresponsive
    )
    supervisor.add_chore(RequestedDrills(supervisor, settings).tend)


async def create_first_workspace(settings: Settings) -> str | None:
    """Make and show the first workspace, key and admin's link of a database without workspaces. Return the key."""
    async with connect(settings.database_url, "leadhub-cli") as connection, connection.transaction():
        await warn_of_wrong_key(connection, settings)
        # Two `up` may start on one new database.
        await connection.execute("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE")
        if (await (await connection.execute("SELECT FROM workspaces LIMIT 1")).fetchall()) != []:
            return None
        from shared import workspaces  # imported late: only the first start needs them, and a supervisor stays small
        from shared.auth import installation_keys
        from shared.auth.account_links import create_first_admin_link, link_url

        await workspaces.create_workspace(connection, "main", "Main")
        key = (await installation_keys.create_key(connection, "main", "first key", ["*"])).key.secret
        link = link_url(link_base_url(settings), await create_first_admin_link(connection))
        print_new_key(WELCOME_MESSAGE.format(key=key, link=link))
        return key


def is_healthy(settings: Settings) -> bool:
    """Return whether the health endpoint answers 200."""
    client = http.client.HTTPConnection(_reachable_host(settings.host), settings.port, timeout=2)
    try:
        client.request("GET", "/api/v1/health")
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def base_url_of(settings: Settings) -> str:
    """Return the URL of the service for a browser on this machine."""
    host = _reachable_host(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def link_base_url(settings: Settings) -> str:
    """Return what links to the service start with: the public URL if one is set."""
    return settings.public_url.rstrip("/") or base_url_of(settings)


def _warn_of_writable_folder(folder: Path) -> None:
    """Warn if others may write into the data dir: they could replace its private files."""
    if (mode := folder.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        notify_operator(
            f"others may write into {folder} (mode {stat.S_IMODE(mode):04o}) and replace what it holds: chmod 700 it"
        )


def _cannot_listen_message(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} is in use; pass another --port (0: any free one)"
    other = "--port" if error.errno == errno.EACCES else "--host"  # only root may use low ports
    return f"port {settings.port} of {settings.host} cannot be listened on: {error.strerror}; pass another {other}"


def with_metrics_port(settings: Settings) -> Settings:
    """Return the settings with the port of the metrics.

    If no setting names one and it is taken, or `--port` is 0, that is a free one. Print the URL, or a warning if a
    named port is taken: missing metrics must not stop the service.
    """
    host, port = settings.metrics_host, settings.metrics_port
    is_named, note = "metrics_port" in settings.model_fields_set, ""
    if not port:
        return settings
    try:
        if settings.port == 0 and not is_named:
            port = free_port(host)
        elif not is_named and _is_taken(host, port):
            port, note = free_port(host), f" (port {port} is in use)"
        _probe_port(host, port)
    except OSError as error:
        notify_operator(NO_METRICS_WARNING.format(host=host, port=port, why=error.strerror))
    else:
        url = base_url_of(settings.model_copy(update={"host": host, "port": port}))
        notify_operator(f"metrics: {url}/metrics{note}")
    return settings.model_copy(update={"metrics_port": port})


def _is_taken(host: str, port: int) -> bool:
    try:
        _probe_port(host, port)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _probe_port(host: str, port: int) -> None:
    """Raise OSError if the port cannot be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _with_listeners(settings: Settings) -> tuple[Settings, list[socket.socket]]:
    """Return the settings with the address, and the sockets: those of systemd, otherwise new ones.

    UsageError if the address cannot be used.
    """
    sockets = listening_sockets.inherited_sockets()
    if sockets:
        host, port, *_ = sockets[0].getsockname()
        notify_operator(f"listening on {host} port {port}, the socket that systemd handed over")
        return settings.model_copy(update={"host": host, "port": port}), sockets
    try:
        sockets = listening_sockets.open_sockets(settings.host, settings.port)
    except OSError as error:
        raise click.UsageError(_cannot_listen_message(settings, error)) from None
    return settings.model_copy(update={"port": sockets[0].getsockname()[1]}), sockets


def _reachable_host(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def _make_empty_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
