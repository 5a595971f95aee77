"""Build the documentation's site from `docs/`, and check it."""
