"""Files that visitors sent: listed on their submission, and downloaded by those who may see persons."""

import html
import re

from tests.support.console import WORKSPACE, ConsoleClient, Reader, console_client
from tests.support.form_files import make_form_file
from tests.support.stack import Stack


async def test_files_are_listed_and_downloaded(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    id_ = make_form_file(shared_stack)
    with shared_stack.database() as database:
        row = database.execute("SELECT submission_id FROM files WHERE id = %s", (id_,)).fetchone()
    assert row is not None
    page, address = f"/console/{WORKSPACE}/submissions/{row[0]}", f"/console/{WORKSPACE}/files/{id_}"
    shown = html.unescape((await client.get(page)).text)
    assert re.search(rf'href="{re.escape(address)}"\s+download', shown)
    assert "cv.pdf" in shown
    found = await client.get(address)
    assert (found.status, found.text) == (200, "%PDF-1.7")
    wanted = {
        "Content-Type": "application/pdf",
        "Content-Disposition": "attachment; filename=\"cv.pdf\"; filename*=UTF-8''cv.pdf",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    assert {name: found.headers[name] for name in wanted} == wanted
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        assert (await reader.get(address)).status == 403
        shown = (await reader.get(page)).text
        assert 'id="files"' in shown
        assert "cv.pdf" not in shown
    async with console_client(shared_stack.base, readers["stranger"].email) as stranger:
        assert (await stranger.get(address)).status == 404
