"""The types of records and requests: `from leadhub_client.models import Lead`."""

from ._models import *  # noqa: F403
