"""Scores of leads: rules in order, what a change of them does, and counting all leads again."""
