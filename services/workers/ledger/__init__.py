"""The ledger in figures: gauges for Prometheus, and samples for the history by the minute."""
