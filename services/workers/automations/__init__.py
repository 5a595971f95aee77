"""The engine: events in; runs, changes of leads and deliveries out, each once and in one commit."""
