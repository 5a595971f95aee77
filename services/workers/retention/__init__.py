"""Retention: what is deleted when it is old enough, for the whole installation and by workspace."""
