"""How kombu is told to verify a broker's certificate, from the broker's URL."""

import ssl

import pytest

from shared.platform.store_tls import broker_address, explain_tls_failure

pytestmark = pytest.mark.unit

CERTIFIED = "ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem"


@pytest.mark.parametrize("url", ["redis://:p@h:1/0", "amqp://u:p@h//", "redis+socket:///run/s?virtual_host=0"])
def test_broker_without_tls_is_left_as_it_is(url: str) -> None:
    assert broker_address(url) == (url, False)


def test_certificate_and_name_of_a_broker_are_verified() -> None:
    assert broker_address(f"amqps://u:p%2F@h:1//?login_method=PLAIN&{CERTIFIED}") == (
        "amqps://u:p%2F@h:1//?login_method=PLAIN",
        {
            **{"ca_certs": "/ca.pem", "certfile": "/c.pem", "keyfile": "/k.pem"},
            **{"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "h"},
        },
    )
    assert broker_address(f"rediss://:p@h:1/2?{CERTIFIED}") == (
        "rediss://:p@h:1/2",
        {
            **{"ssl_ca_certs": "/ca.pem", "ssl_certfile": "/c.pem", "ssl_keyfile": "/k.pem"},
            **{"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True},
        },
    )


def test_verification_ends_only_where_the_url_says_so() -> None:
    unverified, unnamed = "ssl_cert_reqs=none&ssl_check_hostname=true", "ssl_check_hostname=false"
    assert broker_address(f"amqps://h//?{unverified}").ssl == {"cert_reqs": ssl.CERT_NONE}
    assert broker_address(f"amqps://h//?{unnamed}").ssl == {"cert_reqs": ssl.CERT_REQUIRED}
    assert broker_address(f"rediss://h/0?{unverified}").ssl == {
        **{"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    }
    assert broker_address(f"rediss://h/0?{unnamed}").ssl == {
        **{"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": False}
    }


def test_other_failures_are_not_called_those_of_tls() -> None:
    assert explain_tls_failure("redis://h", FileNotFoundError()) == ""
    assert explain_tls_failure("rediss://h", ConnectionRefusedError()) == ""
    assert "cannot be read" in explain_tls_failure("rediss://h", FileNotFoundError())
