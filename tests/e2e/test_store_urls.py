"""URLs of stores with a mistake: each command that reads the setting refuses it in one sentence, with status 2."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.spool_check import check_spool_durability
from shared.intake.hints import HintSender
from shared.platform.settings import Settings
from tests.support.commands import ended, started
from tests.support.tiers import first_in_tier
from tests.support.tls_stores import TlsStores, running_tls_stores

pytestmark = [pytest.mark.e2e, pytest.mark.external]

COMMANDS = ("worker", "status", "migrate", "up", "gateway", "api", "console", "sweeper", "backup")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsStores]:
    with running_tls_stores(tmp_path_factory.mktemp("stores")) as stores:
        yield stores


@pytest.mark.parametrize("command", first_in_tier(*COMMANDS))
def test_each_command_names_a_wrong_parameter(stores: TlsStores, tmp_path: Path, command: str) -> None:
    words = (command, str(tmp_path / "new.tar")) if command == "backup" else (command,)
    urls = {"DATABASE": stores.database_url(), "BROKER": f"{stores.rabbitmq_url()}&foo=1"}
    assert refusal_of(tmp_path, urls, *words).startswith("LEADHUB_BROKER_URL has the unknown parameter foo: ")


def test_each_mistake_is_named(stores: TlsStores, tmp_path: Path) -> None:
    plain, absent = stores.database_url().partition("?")[0], tmp_path / "absent.pem"
    for name, url, mistake in (
        ("SPOOL", f"{stores.redis_url()}&foo=1", "has the unknown parameter foo: it may have db, protocol, ssl_ca_"),
        ("DATABASE", f"{plain}?sslmode=verfy-full", "has an unknown sslmode: it may be disable, allow, prefer, "),
        ("DATABASE", stores.database_url(absent), f"names {absent} in sslrootcert, which cannot be read: No such file"),
        ("REDIS", stores.redis_url(1, absent), f"names {absent} in ssl_ca_certs, which cannot be read: No such file"),
        ("DATABASE", stores.database_url(Path("ca.pem")), "has a parameter sslrootcert that is no path from / on"),
        ("BROKER", stores.rabbitmq_url(Path("ca.pem")), "has a parameter ssl_ca_certs that is no path from / on"),
    ):
        urls = {"DATABASE": stores.database_url(), name: url}
        assert refusal_of(tmp_path, urls, "status").startswith(f"LEADHUB_{name}_URL {mistake}")


def test_the_parameters_that_are_named_work(stores: TlsStores, capfd: pytest.CaptureFixture[str]) -> None:
    for method in ("PLAIN", "AMQPLAIN"):
        assert HintSender(f"{stores.rabbitmq_url()}&login_method={method}")()
    for protocol in (2, 3):
        check_spool_durability(Settings(spool_url=f"{stores.redis_url()}&protocol={protocol}&db=1"))
    assert capfd.readouterr().err == ""


def refusal_of(folder: Path, urls: dict[str, str], *words: str) -> str:
    """The sentence in which a command with these URLs says that it was used wrongly."""
    settings = {f"LEADHUB_{name}_URL": url for name, url in urls.items()}
    status, said = ended(started(folder / "data", *words, **settings))
    assert (status, said.count("LEADHUB_")) == (2, 1), said
    return said.splitlines()[-1].removeprefix("Error: ")
