"""Settings come from the environment; their page is generated, and says what the code says."""

from pathlib import Path

import pytest
from psycopg.pq import Conninfo
from pydantic import ValidationError

from docs.settings_page import PAGE, page
from shared.platform.setting_checks import ALLOWED_SCHEMES
from shared.platform.settings import Settings
from shared.platform.store_url_checks import POSTGRES_PARAMETERS, find_unreadable_file

pytestmark = pytest.mark.unit


def test_the_page_is_up_to_date() -> None:
    """If it is not: `.venv/bin/python -m docs.settings_page`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_setting_is_explained() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`LEADHUB_{name.upper()}`" in page()


def test_an_empty_variable_is_as_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Compose and CI pass on what is not set; as a path it would be the folder that one stands in."""
    for name in Settings.model_fields:
        monkeypatch.setenv(f"LEADHUB_{name.upper()}", "")
    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, "foo") for name in ALLOWED_SCHEMES],
        *[("redis_url", "amqp://x"), ("spool_url", "localhost:6379"), ("public_url", "crm.example.com")],
        *[("trusted_proxies", "foo"), ("trusted_proxies", "10.0.0.1, x"), ("allowed_targets", "10.0.0.0/99")],
        *[("allowed_targets", "crm.internal:8080"), ("allowed_targets", "http://crm.internal")],
    ],
)
def test_impossible_settings_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=r"must begin with|is no network"):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("broker_url", "redis://:secret#x@h:1", "cannot be read"),
        ("redis_url", "redis://h:secret/0", "cannot be read"),
        ("database_url", "postgresql://u:secret/x@h/db", "cannot be read"),
        ("database_url", "postgresql://u:50%secret@h/db", "cannot be read"),
        ("redis_url", "redis://:sec[ret@h:1", "%5B"),
        ("database_url", "postgresql://u:secret@h1:1,h2:2/db", "several hosts"),
        ("replica_url", "postgresql://u:secret@h1:1,h2:2/db", "several hosts"),
        ("redis_url", "redis://:secret@h/leads", "number of a database"),
        ("broker_url", "rediss://:secret@h:1/0x1", "number of a database"),
        ("database_url", "postgresql://u:secret@h/db?sslrootcert=/ca.pem", "verifies nothing without sslmode"),
        ("database_url", "postgresql://u:secret@h/db?sslmode=prefer&sslrootcert=/ca", "verifies nothing"),
        ("spool_url", "redis://:secret@h/0?ssl_ca_certs=/ca.pem", "only if it begins with rediss://"),
        ("broker_url", "amqp://u:secret@h//?ssl_ca_certs=/ca.pem", "only if it begins with rediss://"),
        ("redis_url", "rediss://:secret@h/0?ssl_ca_cert=/ca.pem", "unknown parameter ssl_ca_cert"),
        ("broker_url", "amqps://u:secret@h//?sslrootcert=/ca.pem", "unknown parameter sslrootcert"),
        ("broker_url", "amqps://u:secret@h//?ssl_cert_reqs=optional", "not one of required, none"),
        ("spool_url", "rediss://:secret@h/0?ssl_check_hostname=", "not one of true, false"),
        ("broker_url", "amqp://u:secret@h//?foo=1", "unknown parameter foo: it may have login_method"),
        ("broker_url", "amqp://u:secret@h//?foo", "unknown parameter foo"),
        ("broker_url", "amqp://u:secret@h//?heartbeat=5", "unknown parameter heartbeat"),
        ("broker_url", "redis://:secret@h/0?db=1", "unknown parameter db: it takes none"),
        ("broker_url", "redis+socket:///run/x?virtual_host=a", "not the number of a database"),
        ("spool_url", "redis://:secret@h/0?foo=1", "unknown parameter foo: it may have db, protocol"),
        ("redis_url", "unix:///run/x?db=secret", "not the number of a database"),
        ("redis_url", "redis://:secret@h/0?protocol=4", "not one of 2, 3"),
        ("redis_url", "rediss://:secret@h/0?ssl_ca_certs=ca.pem", "no path from / on"),
        ("broker_url", "amqps://u:secret@h//?ssl_keyfile=", "no path from / on"),
        ("database_url", "postgresql://u:secret@h/db?sslmod=require", "unknown parameter sslmod"),
        ("database_url", "postgresql://u:secret@h/db?ssl=1", "unknown parameter ssl"),
        ("database_url", "postgresql://u:secret@h/db?sslmode=verfy-full", "unknown sslmode: it may be disable, "),
        ("replica_url", "postgresql://u:secret@h/db?sslmode=verfy-full&sslrootcert=/ca.pem", "unknown sslmode"),
        ("database_url", "postgresql://u:secret@h/db?sslmode=require&sslrootcert=tls/ca.pem", "no path from / on"),
        ("database_url", "postgresql://u:secret@h/db?sslcert=~/client.pem", "no path from / on"),
        ("broker_url", "amqp://u:1?secret@h//", "parameters that cannot be read"),
        ("spool_url", "redis://:1?secret&x=1@h/0", "parameters that cannot be read"),
        ("database_url", "postgresql://u:1?secret=1&x@h/db", "parameters that cannot be read"),
        ("mail_from", "leads", "is no address"),
        ("mail_from", "leads@example.com\nBcc: x@example.com", "is no address"),
        ("replica_url", "postgresql://u:secret@h:/db", "cannot be read"),
        ("public_url", "https://", "name a host"),
        ("smtp_url", "smtp://:25", "name a host"),
        ("body_timeout", "inf", "less than or equal"),
        ("flush_timeout", "nan", "less than or equal"),
        ("keep_days", "999999", "less than or equal"),
    ],
)
def test_unreadable_settings_are_refused_without_being_quoted(name: str, value: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as refused:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert "secret" not in str(refused.value.errors(include_input=False, include_context=False))


@pytest.mark.parametrize(
    "value", ["https://crm.example.com", "crm.example.com/x", "a b", "ada@crm", "crm:port", "*", ":80"]
)
def test_what_is_no_host_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="is no host's name alone"):
        Settings(hosts=f"crm.lan, {value}")


def test_valid_settings_are_accepted() -> None:
    taken = {"trusted_proxies": "10.0.0.1, fd00::/8", "allowed_targets": "crm.internal, 10.1.0.0/16,127.0.0.1"}
    taken |= {"hosts": "crm.lan, crm.example.com:8443,[::1]:8000"}
    taken |= {"redis_url": "unix:///run/x.sock", "replica_url": "postgres://x/y", "smtp_url": "smtps://u:p@mail:465"}
    taken |= {"broker_url": "amqp://h/leads", "spool_url": "redis://h:1/3", "mail_from": "Leads <l@example.com>"}
    taken |= {"database_url": "postgresql://u:p@/db?host=a,b&port=1,2", "public_url": "https://[::1]:8000"}
    assert Settings(**taken).model_dump(include={*taken}) == taken  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("database_url", "postgresql://u:p@h/db?sslmode=verify-full&sslrootcert=system&application_name=a+b"),
        ("replica_url", "postgresql://u:p@/db?host=a,b&target_session_attrs=read-write&ssl=true&sslcert=/c%2B.pem"),
        ("broker_url", "amqps://u:p@h//?login_method=EXTERNAL&ssl_certfile=/c.pem"),
        ("broker_url", "redis+socket:///run/x?virtual_host=2"),
        ("spool_url", "rediss://:p@h/0?protocol=2&ssl_ca_certs=/ca.pem"),
        ("redis_url", "unix:///run/x.sock?db=3"),
    ],
)
def test_known_parameters_of_stores_are_accepted(name: str, url: str) -> None:
    assert getattr(Settings(**{name: url}), name) == url  # type: ignore[arg-type]


def test_every_parameter_of_libpq_is_known() -> None:
    assert {option.keyword.decode() for option in Conninfo.get_defaults()} <= set(POSTGRES_PARAMETERS)


def test_an_unreadable_file_of_a_store_is_named(tmp_path: Path) -> None:
    """A plus sign is a space to clients of Redis and RabbitMQ, and itself to libpq."""
    plus, space = tmp_path / "a+b.pem", tmp_path / "a b.pem"
    for file, url in ((plus, f"postgresql://h/db?sslcert={plus}"), (space, f"amqps://h//?ssl_ca_certs={plus}")):
        assert find_unreadable_file(url).startswith(f"names {file} in ssl")
        file.touch()
        assert find_unreadable_file(url) == ""
    assert find_unreadable_file("postgresql://h/db?sslmode=verify-full&sslrootcert=system") == ""


@pytest.mark.parametrize("password", ["p[x", "p]x", "p[x]y", "p:x", "℀", "%40"])
def test_database_password_may_hold_special_characters(password: str) -> None:
    url = f"postgresql://u:{password}@[::1]:5432/db"
    assert Settings(database_url=url, replica_url=url).database_url == url


@pytest.mark.parametrize("url", ["http://x", "localhost:6379", "postgresql://x"])
def test_a_broker_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must begin with one of redis://"):
        Settings(broker_url=url)
