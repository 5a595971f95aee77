"""Fetch leads from providers whose webhooks hold only ids, and those that their webhooks did not announce."""
