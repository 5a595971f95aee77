"""Settings of a workspace and of the installation: keys, users, retention, the audit log, the system."""
