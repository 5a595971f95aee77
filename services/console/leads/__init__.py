"""Leads: the list with its views, and the page of each."""
