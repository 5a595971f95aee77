"""A bucket of S3 as a real server on this machine, and contents to put into it."""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",  # moto takes any
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class BucketServer:
    """A server that speaks S3's language, with one bucket."""

    url: str
    client: Any
    bucket: str  # of this server's own: servers of one process share what they hold
    stop: Callable[[], None]

    def keys(self) -> list[str]:
        """What lies in the bucket."""
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def content(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())


@contextmanager
def serving_bucket(environment: Mapping[str, str] = CREDENTIALS) -> Iterator[BucketServer]:
    """An empty bucket. The process finds its credentials in its environment meanwhile, as boto3 looks for them."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.session.Session().client("s3", endpoint_url=url)
        bucket = f"files-{uuid.uuid4().hex}"
        client.create_bucket(Bucket=bucket)
        yield BucketServer(url, client, bucket, server.stop)
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


async def in_pieces(content: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    """A content as it arrives."""
    for start in range(0, len(content), size):
        yield content[start : start + size]
