"""Pipelines and their stages: how they are made, changed, ordered and removed."""
