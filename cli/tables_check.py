"""What a service that runs alone does about tables of another version.

Tables that a newer version has extended are as good as its own. Before older ones it waits for `migrate`, while the
services of the version before go on. A gateway does not wait: what the tables do not take goes into the spool.
"""

import time

import psycopg

from cli.common import notify_operator
from cli.schema import RESTORING_VERSION, TablesState, head_version, tables_state
from shared.platform.store_tls import explain_postgres_failure, find_postgres_remedy

LOOK_INTERVAL_SECONDS = 1.0
WAITING_NOTE = "the tables are at migration {found}, this version needs {head}: {does} until `leadhub migrate` has run"


def await_tables(url: str, service: str) -> None:
    """Wait until the tables are those of this version. Do not wait for tables that are missing, or out of reach.

    ClickException if a newer version changed the tables so that this one does not run on them.
    """
    is_gateway, is_told = service == "gateway", False
    while (state := _state_in_reach(url)).is_older and state.version != RESTORING_VERSION:
        if not is_told:
            does = "leads wait in the spool if need be" if is_gateway else f"the {service} waits"
            notify_operator(f"leadhub: {WAITING_NOTE.format(found=state.version, head=head_version(), does=does)}")
            is_told = True
        if is_gateway:
            return
        time.sleep(LOOK_INTERVAL_SECONDS)
    state.refuse_too_new()


def _state_in_reach(url: str) -> TablesState:
    try:
        return tables_state(url, warns=False)
    except psycopg.Error as error:  # away, or not ours to read: the service says more
        if find_postgres_remedy(error):
            notify_operator(f"leadhub: WARNING: LEADHUB_DATABASE_URL: {explain_postgres_failure(error)}")
        return TablesState("")
