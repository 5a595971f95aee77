"""What names a tag by its text, and how that is changed."""
