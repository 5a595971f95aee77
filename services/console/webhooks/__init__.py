"""Outgoing webhooks: subscriptions of addresses to events, what was sent to each, and what it answered."""
