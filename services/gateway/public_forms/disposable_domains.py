"""Domains of addresses that anybody can read for a few minutes, from a package that is kept up."""

from functools import cache


@cache
def disposable_domains() -> frozenset[str]:
    """Return the domains, 10,000 of them. They are read at the first use: a process without forms needs none."""
    from disposable_email_domains import blocklist

    return frozenset(blocklist)


def is_disposable(email: str | None) -> bool:
    """Return whether an address belongs to such a domain, or to a part of one."""
    labels = (email or "").rpartition("@")[2].casefold().split(".")
    known = disposable_domains()
    return any(".".join(labels[start:]) in known for start in range(len(labels) - 1))
