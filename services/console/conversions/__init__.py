"""Conversions: what ad platforms are told of leads, what became of each event, and what the platforms answered."""
