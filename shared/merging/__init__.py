"""Merging two leads into one, and taking that apart again."""
