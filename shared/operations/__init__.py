"""Operations: pauses of lanes, the history, how the work stands, and why it failed."""
