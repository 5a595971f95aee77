"""What a webhook subscription would have sent of the last events."""
