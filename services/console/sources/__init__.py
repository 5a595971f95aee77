"""Sources: providers whose webhooks or lists bring leads, and their mappings."""
