"""A check of a spool that LeadHub does not start itself: it must not lose data."""

import click

from cli.common import notify_operator
from shared.platform.settings import Settings
from shared.platform.store_tls import explain_tls_failure

UNAVAILABLE_MESSAGE = "the spool of LEADHUB_SPOOL_URL does not answer ({})"
UNAVAILABLE_WARNING = "leadhub: the spool does not answer{}; leads are refused while PostgreSQL is away, until it does"


def check_spool_durability(settings: Settings, *, must_answer: bool = False) -> None:
    """Refuse a LEADHUB_SPOOL_URL that may lose data: the leads in it have been acknowledged.

    Only warn if the spool does not answer, since a service must be able to start while its spool is down. RuntimeError
    instead for a command that reads or writes it.
    """
    if not settings.spool_url:
        return
    import redis  # imported late: it takes 16 MB, and `up` usually brings a spool along

    from shared.intake.spool import DURABLE_SETTINGS

    try:
        with redis.Redis.from_url(settings.spool_url, socket_timeout=3, socket_connect_timeout=3) as client:
            values = client.config_get("append*")
    except redis.AuthenticationError as error:  # a ConnectionError in the library, but the server did answer
        raise click.UsageError(f"LEADHUB_SPOOL_URL is refused, by its user or password: {error}") from None
    except (redis.ConnectionError, redis.TimeoutError) as error:
        why = explain_tls_failure(settings.spool_url, error)
        if must_answer:
            raise RuntimeError(UNAVAILABLE_MESSAGE.format(why or error)) from None
        notify_operator(UNAVAILABLE_WARNING.format(f" (LEADHUB_SPOOL_URL: {why})" if why else ""))
        return
    except ValueError:  # its message quotes the URL
        raise click.UsageError("LEADHUB_SPOOL_URL cannot be read: redis://[:PASSWORD@]HOST:PORT/NUMBER") from None
    except redis.RedisError as error:
        raise click.UsageError(f"LEADHUB_SPOOL_URL cannot be checked for `appendfsync always`: {error}") from None
    if any(values.get(name) != value for name, value in DURABLE_SETTINGS.items()):
        raise click.UsageError("LEADHUB_SPOOL_URL must be a Redis with `appendonly yes` and `appendfsync always`")
