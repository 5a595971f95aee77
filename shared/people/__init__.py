"""What is held on a person: where it is, a report of it, and its erasure."""
