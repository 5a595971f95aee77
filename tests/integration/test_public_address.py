"""What absolute links start with: the request's own host, what a trusted proxy says of it, or the settings."""

from pathlib import Path

import pytest

from shared import workspaces
from shared.db.connections import Connection
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

OWN, FORWARDED, PUBLIC = "http://crm.internal", "https://crm.example.com", "https://public.example.com/crm"


@pytest.mark.parametrize(
    ("proxies", "public_url", "start"),
    [
        ("", "", OWN),
        ("10.0.0.0/8", "", OWN),
        ("10.0.0.0/8,", "", OWN),
        (" , ", "", OWN),
        ("127.0.0.1", "", FORWARDED),
        ("fd00::/8, 127.0.0.0/8,", "", FORWARDED),
        ("127.0.0.1", f"{PUBLIC}/", PUBLIC),
    ],
)
async def test_links_start_with_what_a_trusted_proxy_says_and_with_what_nobody_else_does(
    database_url: str, database: Connection, tmp_path: Path, proxies: str, public_url: str, start: str
) -> None:
    key = await workspaces.create_key(database, "main", "tests", ["*"])
    headers = {
        "Authorization": f"Bearer {key.key.secret}",
        "Host": "crm.internal",
        "X-Forwarded-Host": "crm.example.com, inner.example.com",
        "X-Forwarded-Proto": "https, http",
    }
    settings = settings_of(database_url, tmp_path, trusted_proxies=proxies, public_url=public_url)
    integration = {"type": "webhook", "name": "Ours"}
    async with served(settings) as (client, _):
        async with client.get("/api/v1/tags", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            links = (await answer.json())["links"]
        async with client.post("/api/v1/integrations", json=integration, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            assert (await answer.json())["data"]["webhook_url"].startswith(f"{start}/")
    assert links["self"] == f"{start}/api/v1/tags?page=1"
