"""Warnings about a broker, and a Redis for limits, that LeadHub does not start itself."""

import threading

from cli.common import notify_operator
from shared.platform.settings import Settings
from shared.platform.store_tls import broker_address, explain_tls_failure

STORE_TIMEOUT_SECONDS = 2  # seconds
BROKER_UNAVAILABLE_WARNING = (
    "leadhub: WARNING: the broker of LEADHUB_BROKER_URL does not take us ({}): until it does, the sweeper ingests alone"
)
LIMITS_UNAVAILABLE_WARNING = (
    "leadhub: WARNING: the Redis of LEADHUB_REDIS_URL does not take us ({}): until it does, each process counts "
    "requests by itself"
)


def warn_of_unavailable_stores(settings: Settings) -> None:
    """Warn of a broker and a Redis for limits that do not answer. It is no error: LeadHub works without them."""
    warn_of_unavailable_broker(settings)
    if settings.redis_url:
        _warn_of_unavailable_limits(settings.redis_url)


def warn_meanwhile(settings: Settings) -> None:
    """Warn in a thread, since a service must not wait at its start for a store that it can do without."""
    threading.Thread(target=warn_of_unavailable_stores, args=(settings,), daemon=True).start()


def warn_of_unavailable_broker(settings: Settings) -> None:
    """Warn that no message will reach a worker: without a broker leads are ingested more slowly."""
    if not settings.broker_url:
        return
    from kombu import Connection  # imported late, since most installations have no such broker

    is_redis = not settings.broker_url.startswith("amqp")
    limits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), STORE_TIMEOUT_SECONDS) if is_redis else {}
    url, ssl = broker_address(settings.broker_url)
    try:
        with Connection(url, ssl=ssl, connect_timeout=STORE_TIMEOUT_SECONDS, transport_options=limits) as broker:
            broker.channel()
    except Exception as error:  # clients of brokers raise many types, and their messages may quote the URL
        why = explain_tls_failure(settings.broker_url, error) or type(error).__name__
        notify_operator(BROKER_UNAVAILABLE_WARNING.format(why))


def _warn_of_unavailable_limits(url: str) -> None:
    import redis  # imported late, as above

    timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), STORE_TIMEOUT_SECONDS)
    try:
        with redis.Redis.from_url(url, **timeouts) as client:
            client.ping()
    except Exception as error:  # as above
        notify_operator(LIMITS_UNAVAILABLE_WARNING.format(explain_tls_failure(url, error) or type(error).__name__))
