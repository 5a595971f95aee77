"""The tags of a workspace: listed with their leads, made, renamed and deleted."""
