"""The notice that a process is about to stop: a proxy takes it out before its listener closes."""

from dataclasses import dataclass

from aiohttp import web

from shared.platform.errors import ServiceUnavailable

STOPPING_MESSAGE = "This process is about to stop. Another one takes the requests."


@dataclass
class StopNotice:
    """Whether a process was told to stop. It answers requests until its listener closes, and ends each connection."""

    is_given: bool = False

    def check_not_given(self) -> None:
        """Raise ServiceUnavailable once the notice was given, for a health check."""
        if self.is_given:
            raise ServiceUnavailable(STOPPING_MESSAGE)


STOP_NOTICE = web.AppKey("stop_notice", StopNotice)
