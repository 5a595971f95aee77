"""Uploads to the disk leave its reserve alone."""

import shutil
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.platform.errors import ApiError
from shared.platform.web.file_upload import received_upload

pytestmark = pytest.mark.unit

SIZE = 1 << 20  # bytes of the uploaded file
GIB = 1 << 30


@pytest.mark.parametrize(("is_disk_short", "status"), [(False, 200), (True, 503)])
async def test_upload_that_would_take_the_reserve_of_the_disk_is_refused(
    tmp_path: Path, is_disk_short: bool, status: int
) -> None:
    reserve = shutil.disk_usage(tmp_path).free + (GIB if is_disk_short else -GIB)

    async def answer(request: web.Request) -> web.Response:
        try:
            async with received_upload(request, tmp_path, 2 * SIZE, len, reserve) as sent:
                return web.Response(text=str(sent.size))
        except ApiError as error:
            return web.Response(status=error.status, text=str(error), headers=error.headers)

    app = web.Application()
    app.router.add_post("/", answer)
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("file", b"x" * SIZE, filename="people.csv")
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        response = await session.post(server.make_url("/"), data=body)
        text = await response.text()
    assert response.status == status, text
    assert (text == str(SIZE)) is not is_disk_short
    assert ("has no room" in text) is is_disk_short
