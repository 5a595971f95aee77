"""Batches: how large one is, and which of its items are bad."""
