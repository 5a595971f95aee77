"""Who is at the console: sign-in, links for passwords, the reader's own account, the way into a workspace."""
