"""What two services need."""

__version__ = "0.1.0"
