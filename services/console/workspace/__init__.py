"""The settings of a workspace: what each does, and what a change of it would do before it is saved."""
