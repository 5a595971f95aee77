"""Submissions: everything that came in, and what became of each."""
