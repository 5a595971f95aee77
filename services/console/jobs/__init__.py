"""Bulk jobs: their confirmation, their pace, and the outcome of each row."""
