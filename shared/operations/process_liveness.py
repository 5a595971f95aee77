"""Whether a process lives, as SQL: its heartbeat is fresh, and its heartbeat's connection is still there.

The system closes the connection of a process that is killed, so that this shows before the heartbeat grows old.
"""

HAS_CONNECTION_SQL = """(backend_pid IS NULL OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = backend_pid))"""
