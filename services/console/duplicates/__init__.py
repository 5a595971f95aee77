"""Duplicates: pairs of leads that may be one person, compared and merged."""
