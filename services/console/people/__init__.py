"""A person's data: what is held on somebody, and its erasure."""
