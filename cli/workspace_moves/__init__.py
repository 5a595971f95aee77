"""Move one workspace from an installation to another: `workspace export` and `workspace import`."""
