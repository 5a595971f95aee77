"""What absolute links start with: the request's own host, what a trusted proxy says of it, or the settings."""

from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from shared.auth import installation_keys
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from tests.support.accounts import opened_door
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
    key = await installation_keys.create_key(database, "main", "tests", ["*"])
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


@pytest.mark.extended
@pytest.mark.parametrize(
    ("hosts", "host", "start"),
    [
        ("", "", "http://127.0.0.1:{port}"),
        ("", "localhost:{port}", "http://localhost:{port}"),
        ("", "evil.example", ""),
        ("crm.example.com, leads.example.com:8443", "crm.example.com:9000", "http://crm.example.com:9000"),
        ("crm.example.com, leads.example.com:8443", "Leads.example.com:8443", "http://Leads.example.com:8443"),
        ("crm.example.com, leads.example.com:8443", "leads.example.com", ""),
        ("crm.example.com", "localhost:{port}", "http://crm.example.com"),
        ("crm.example.com", "evil.example", ""),
    ],
)
async def test_links_in_mails_name_a_host_that_is_served(
    database_url: str, database: Connection, tmp_path: Path, hosts: str, host: str, start: str
) -> None:
    """Whoever asks for somebody's new password must not say where the link leads."""
    async with opened_door(database_url) as door:
        await door.make_person("ada@example.com")
    key = SecretStr("a key that only tests know")
    mail = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "crm@example.com", "secret_key": key, "hosts": hosts}
    settings = settings_of(database_url, tmp_path, **mail)
    headers = {"Host": host.format(port=settings.port)} if host else {}
    headers |= {"Sec-Fetch-Site": "same-origin", "X-Forwarded-Host": "evil.example"}
    form = {"email": "ada@example.com"}
    async with (
        served(settings, with_console=True) as (client, _),
        client.post("/console/forgotten", data=form, headers=headers) as answer,
    ):
        assert answer.status == (200 if start else 421)
    rows = await (await database.execute("SELECT target FROM deliveries")).fetchall()
    links = [orjson.loads(Cipher.from_settings(settings).decrypt(target))["link"] for (target,) in rows]
    wanted = start.format(port=settings.port)
    assert [link.partition("/console/")[0] for link in links] == ([wanted] if start else [])
