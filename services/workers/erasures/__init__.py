"""Finish erasures: what was on its way, contents of files, quotations, and the log outside the database."""
