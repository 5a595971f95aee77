"""Quarantine: submissions that look like spam, and the rules about senders."""
