"""`drill`: a copy beside the real installation, under load, whose parts are killed; and the certificate of it."""
