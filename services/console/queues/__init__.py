"""Queues: the lanes of work, their history, and their pauses."""
