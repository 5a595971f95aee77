"""Contents of files in a bucket of S3, or of a server that speaks its language.

`boto3` is an extra (`requirements-s3.lock`): it is imported only where `LEADHUB_FILES_URL` names a bucket. It finds its
credentials and its region by itself: variables such as AWS_ACCESS_KEY_ID, a profile, or the role of the machine. Its
calls block, so they run in threads.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from shared.platform.settings import Settings

T = TypeVar("T")

S3_THREADS = 4
DEFAULT_REGION = "us-east-1"
S3_READ_BYTES = 256 << 10
S3_CONNECT_SECONDS, S3_READ_SECONDS = 5, 30
MISSING_LIBRARY_MESSAGE = (
    "LEADHUB_FILES_URL needs boto3. Install it: .venv/bin/python -m pip install -r requirements-s3.lock "
    "(or: uv pip install -r requirements-s3.lock)."
)


class BucketUnusable(RuntimeError):
    """The bucket does not answer, or refuses. The message holds no credentials."""


class S3Bucket:
    """The bucket and prefix of `LEADHUB_FILES_URL`. Its methods raise BucketUnusable."""

    def __init__(self, url: str, endpoint: str = "") -> None:
        parts = urlsplit(url)
        self.name, self._prefix = parts.netloc, parts.path.strip("/")
        self._client = _make_client(endpoint)
        self._threads = ThreadPoolExecutor(S3_THREADS, "s3")

    async def upload(self, digest: str, path: Path) -> None:
        """Store a content. S3 computes its SHA-256 and refuses it if another one arrives. Raises OSError too."""

        def put() -> None:
            with path.open("rb") as file:
                self._client.put_object(
                    Bucket=self.name,
                    Key=self.key_of(digest),
                    Body=file,
                    ContentType="application/octet-stream",
                    ChecksumSHA256=_encoded(digest),
                )

        await self._run(put)

    async def holds(self, digest: str, size: int) -> bool:
        """Return whether the bucket has the content with this size and, where the server keeps it, this SHA-256."""

        def head() -> bool:
            found = self._client.head_object(Bucket=self.name, Key=self.key_of(digest), ChecksumMode="ENABLED")
            kept = found.get("ChecksumSHA256")
            return found["ContentLength"] == size and kept in (None, _encoded(digest))

        try:
            return await self._run(head)
        except FileNotFoundError:
            return False

    async def read_chunks(self, digest: str) -> AsyncGenerator[bytes]:
        """Return the content in pieces. Raises FileNotFoundError when it is opened."""
        body = await self._run(lambda: self._client.get_object(Bucket=self.name, Key=self.key_of(digest))["Body"])
        return self._pieces(body)

    async def remove(self, digest: str) -> None:
        """Remove a content. One that is not there is no error."""
        await self._run(lambda: self._client.delete_object(Bucket=self.name, Key=self.key_of(digest)))

    def key_of(self, digest: str) -> str:
        """Return the object's key: the path of the content on disk below the prefix."""
        return "/".join(filter(None, (self._prefix, digest[:2], digest[2:4], digest)))

    def close(self) -> None:
        """End the threads and the connections once they are idle."""
        self._threads.shutdown(wait=False)
        self._client.close()

    async def _pieces(self, body: Any) -> AsyncGenerator[bytes]:
        try:
            while piece := await self._run(lambda: body.read(S3_READ_BYTES)):
                yield piece
        finally:
            self._threads.submit(body.close)

    async def _run(self, work: Callable[[], T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in ("404", "NoSuchKey", "NotFound"):
                raise FileNotFoundError(code) from None
            raise BucketUnusable(f"{error.operation_name}: {code}") from None
        except (BotoCoreError, HTTPClientError) as error:
            raise BucketUnusable(type(error).__name__) from None


def open_bucket(settings: Settings) -> S3Bucket | None:
    """Return the bucket of `LEADHUB_FILES_URL`, or None without one. Raises BucketUnusable without the library."""
    return S3Bucket(settings.files_url, settings.files_endpoint) if settings.files_url else None


def _make_client(endpoint: str) -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise BucketUnusable(MISSING_LIBRARY_MESSAGE) from None
    config = Config(
        connect_timeout=S3_CONNECT_SECONDS,
        read_timeout=S3_READ_SECONDS,
        retries={"mode": "standard", "max_attempts": 3},
        # Servers of others often know buckets by their path alone.
        s3={"addressing_style": "path"} if endpoint else {},
    )
    try:
        session = boto3.session.Session()
        region = session.region_name or DEFAULT_REGION  # Compose passes on an empty variable
        return session.client("s3", region_name=region, endpoint_url=endpoint or None, config=config)
    except (BotoCoreError, ValueError) as error:
        raise BucketUnusable(f"LEADHUB_FILES_URL: {error}") from None


def _encoded(digest: str) -> str:
    return base64.b64encode(binascii.unhexlify(digest)).decode()
