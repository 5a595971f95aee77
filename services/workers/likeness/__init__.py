"""Find leads that are probably one person. It suggests pairs and never merges."""
