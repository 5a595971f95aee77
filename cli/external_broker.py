"""A check of a broker that LeadHub does not start itself."""

from cli.common import notify_operator
from shared.platform.settings import Settings

BROKER_TIMEOUT_SECONDS = 2  # seconds
BROKER_UNAVAILABLE_WARNING = (
    "leadhub: WARNING: the broker of LEADHUB_BROKER_URL does not take us ({}): until it does, the sweeper ingests alone"
)


def warn_of_unavailable_broker(settings: Settings) -> None:
    """Warn that no message will reach a worker. It is no error: without a broker leads are ingested more slowly."""
    if not settings.broker_url:
        return
    from kombu import Connection  # imported late, since most installations have no such broker

    is_redis = not settings.broker_url.startswith("amqp")
    limits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), BROKER_TIMEOUT_SECONDS) if is_redis else {}
    try:
        with Connection(
            settings.broker_url, connect_timeout=BROKER_TIMEOUT_SECONDS, transport_options=limits
        ) as broker:
            broker.channel()
    except Exception as error:  # clients of brokers raise many types, and their messages may quote the URL
        notify_operator(BROKER_UNAVAILABLE_WARNING.format(type(error).__name__))
