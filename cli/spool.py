"""The one demand on a spool that somebody else runs."""

import click
import redis

from cli.common import say
from shared.settings import Settings
from shared.spool import KEEPS


def check_spool(settings: Settings) -> None:
    """Refuse a LEADHUB_SPOOL_URL that may lose what it was given: a lead in it has been answered for.

    One that does not answer now is only warned of, since a service must be able to start while its spool is away.
    """
    if not settings.spool_url:
        return
    try:
        with redis.Redis.from_url(settings.spool_url, socket_timeout=3, socket_connect_timeout=3) as client:
            found = client.config_get("append*")
    except redis.AuthenticationError as error:  # a ConnectionError of the library's, but it did answer
        raise click.UsageError(f"LEADHUB_SPOOL_URL is refused, by its user or password: {error}") from None
    except (redis.ConnectionError, redis.TimeoutError):
        say("leadhub: the spool does not answer; leads are refused while PostgreSQL is away, until it does")
        return
    except (ValueError, TypeError):  # whose words quote the URL; an option that there is not
        raise click.UsageError("LEADHUB_SPOOL_URL cannot be read: redis://[:PASSWORD@]HOST:PORT/NUMBER") from None
    except redis.RedisError as error:
        raise click.UsageError(f"LEADHUB_SPOOL_URL cannot be checked for `appendfsync always`: {error}") from None
    if any(found.get(name) != value for name, value in KEEPS.items()):
        raise click.UsageError("LEADHUB_SPOOL_URL must be a Redis with `appendonly yes` and `appendfsync always`")
