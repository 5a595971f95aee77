"""Scoring rules: listed in order, tried before they are saved, and counted again for all leads."""
