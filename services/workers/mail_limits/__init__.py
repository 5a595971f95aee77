"""The limits of mails to addresses that somebody left."""
