"""What a service that runs alone does about tables that are missing, or of another version.

Tables that a newer version has extended are as good as its own. Before older ones it waits for `migrate`, while the
services of the version before go on. A gateway does not wait for those: what they do not take goes into the spool.
Without any tables workers and sweepers wait. Services of HTTP answer 503 meanwhile, with a sentence that names
`migrate`: callers and probes learn more from it than from a closed port.
"""

import time

import psycopg

from cli.common import notify_operator
from cli.schema import RESTORING_VERSION, TablesState, head_version, tables_state
from shared.platform.store_tls import explain_postgres_failure, find_postgres_remedy

LOOK_INTERVAL_SECONDS = 1.0
REMINDER_INTERVAL_SECONDS = 60.0
HTTP_SERVICES = ("gateway", "api", "console")
MISSING_NOTE = "leadhub: the database has no tables yet: {does} until `leadhub migrate` has run"
OLDER_NOTE = (
    "leadhub: the tables are at migration {found}, this version needs {head}: {does} until `leadhub migrate` has run"
)
READY_NOTE = "leadhub: the tables are those that this version needs: the {service} starts"


def await_tables(url: str, service: str) -> None:
    """Wait until the tables are those of this version. Do not begin to wait for a database that is out of reach.

    ClickException if a newer version changed the tables so that this one does not run on them.
    """
    state = _state_in_reach(url)
    if state is None:
        return
    if not state.version and service in HTTP_SERVICES:
        notify_operator(_waiting_note(state, f"the {service} answers 503"))
    elif service == "gateway" and _is_upgradable(state):
        notify_operator(_waiting_note(state, "leads wait in the spool if need be"))
    elif _must_wait(state):
        state = _wait_for_migrate(url, service, state)
    state.refuse_too_new()


def _wait_for_migrate(url: str, service: str, state: TablesState) -> TablesState:
    reminded = float("-inf")
    while _must_wait(state):
        if time.monotonic() - reminded >= REMINDER_INTERVAL_SECONDS:
            notify_operator(_waiting_note(state, f"the {service} waits"))
            reminded = time.monotonic()
        time.sleep(LOOK_INTERVAL_SECONDS)
        state = _state_in_reach(url) or state  # out of reach: the tables are still to come
    notify_operator(READY_NOTE.format(service=service))
    return state


def _must_wait(state: TablesState) -> bool:
    return not state.version or _is_upgradable(state)


def _is_upgradable(state: TablesState) -> bool:
    return state.is_older and state.version != RESTORING_VERSION


def _waiting_note(state: TablesState, does: str) -> str:
    note = OLDER_NOTE if state.version else MISSING_NOTE
    return note.format(found=state.version, head=head_version(), does=does)


def _state_in_reach(url: str) -> TablesState | None:
    try:
        return tables_state(url, warns=False)
    except psycopg.Error as error:  # away, or not ours to read: the service says more
        if find_postgres_remedy(error):
            notify_operator(f"leadhub: WARNING: LEADHUB_DATABASE_URL: {explain_postgres_failure(error)}")
        return None
