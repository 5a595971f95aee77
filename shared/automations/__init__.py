"""Automations: their definitions, conditions, templates and steps. Most modules are pure."""
