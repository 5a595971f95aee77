"""Pairs of leads that are probably one person: listed, dismissed, moved by merges. Workers find them."""
