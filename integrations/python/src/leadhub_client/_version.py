"""The version of the client, which is that of the LeadHub that it was made for."""

__version__ = "0.1.0"
