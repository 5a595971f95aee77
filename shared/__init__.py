"""Code that at least two services use."""

__version__ = "0.1.0"
