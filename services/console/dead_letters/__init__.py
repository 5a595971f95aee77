"""Dead letters: failures by their cause, and their mending."""
