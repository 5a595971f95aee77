"""Imports of leads: reading the file, mapping its columns, and imports as people make and watch them."""
