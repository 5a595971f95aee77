"""The text that the API shows in place of a stored secret."""

# Sent back by a client, it means: keep the stored secret. Automations also store it in their steps, where a secret was
# taken out and encrypted, so a change of this text needs a migration.
SECRET_MASK = "********"  # noqa: S105  # the mask itself is no secret
