"""Pages of the console travel compressed to browsers that take it, and plain to others."""

import pytest

from tests.support.console import ConsoleClient

PAGES = ("now", "leads", "submissions")
TRAVELLING_SHARE = 0.3  # of a page's bytes


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_travels_compressed_where_a_browser_takes_it(client: ConsoleClient, page: str) -> None:
    plain = await client.get(f"/console/main/{page}", **{"Accept-Encoding": "identity"})
    packed = await client.get(f"/console/main/{page}", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert "</html>" in packed.text
    assert int(packed.headers["Content-Length"]) < TRAVELLING_SHARE * len(plain.text.encode())
