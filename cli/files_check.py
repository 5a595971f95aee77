"""A check before a service starts that is to move files to S3, or to read them there."""

from importlib.util import find_spec

import click

from shared.files.s3_bucket import MISSING_LIBRARY_MESSAGE
from shared.platform.settings import Settings


def check_files_library(settings: Settings) -> None:
    """Refuse a LEADHUB_FILES_URL without the library that it needs. The bucket itself may be away for a while."""
    if settings.files_url and find_spec("boto3") is None:
        raise click.UsageError(MISSING_LIBRARY_MESSAGE)
