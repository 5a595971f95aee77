"""The automation engine: it turns events into runs, lead changes and deliveries, each once and in one commit."""
