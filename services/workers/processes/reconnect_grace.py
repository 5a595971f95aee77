"""The first seconds of a server that takes writes, in which living processes have not all connected to it yet.

Connections of before are gone, after a crash as after the promotion of a standby, whose process ids mean nothing there.
Whoever tells by its connection whether a process lives waits for so long.
"""

RECONNECT_GRACE_SECONDS = 3  # seconds in which a living process reconnects

# When the server began to take writes: at its start, or when it was promoted. The WAL writer starts in that moment.
# Without the right to see it, the start counts.
WRITABLE_SINCE_SQL = """
greatest(pg_postmaster_start_time(), (SELECT max(backend_start) FROM pg_stat_activity WHERE backend_type = 'walwriter'))
"""
# For a statement with the parameter `grace`, in seconds.
IS_LONG_WRITABLE_SQL = f"{WRITABLE_SINCE_SQL} <= clock_timestamp() - %(grace)s * interval '1 second'"
