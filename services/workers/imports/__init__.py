"""Imports in the workers: files become rows of the journal, and their verdicts become a report."""
