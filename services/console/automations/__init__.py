"""Automations: the list, the builder with its drafts, recipes and versions."""
