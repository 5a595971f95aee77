"""Suppressions: the addresses that get no mail, who added each and why; some are added or removed."""
