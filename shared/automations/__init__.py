"""Automations as values: what may be saved, what a condition means, what a template says. All of it is pure."""
