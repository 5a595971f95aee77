"""Spam in submissions of public forms: the trap field, and rules of one's own."""
