"""The outbox: events of leads, claimed in turns of workspaces by what acts on them, and told to webhooks."""
