"""The audit log: every request that steers, allowed or refused."""
