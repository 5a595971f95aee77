"""Now: see in five seconds whether leads flow, what is stuck and what to press."""
