"""The sweeper's hints: a publisher for each kind, and what the last one for ingest tells of the broker."""

from shared.intake import hints
from shared.intake.hints import Hint, HintPublisher, HintSender


class SweeperHints:
    """The publishers of hints. Each has a thread of its own."""

    def __init__(self, broker_url: str) -> None:
        def publisher(hint: Hint) -> HintPublisher:
            return HintPublisher(HintSender(broker_url, hint))

        self._send_ingest_hint = HintSender(broker_url)
        self._has_lost_broker = False
        self.ingest = HintPublisher(self._try_broker)
        self.automations = publisher(hints.AUTOMATIONS_HINT)
        self.deliveries = publisher(hints.DELIVERIES_HINT)
        self.jobs = publisher(hints.JOBS_HINT)
        self.fetches = publisher(hints.FETCHES_HINT)
        self.likeness = publisher(hints.LIKENESS_HINT)

    def is_broker_away(self) -> bool:
        """Return whether the last hint for ingest could not be sent."""
        return self._has_lost_broker

    def stop(self) -> None:
        """End the threads."""
        for publisher in (self.ingest, self.automations, self.deliveries, self.jobs, self.fetches, self.likeness):
            publisher.stop()

    def _try_broker(self) -> bool:
        """Send a hint and note whether the broker is away. This runs in the publisher's thread."""
        self._has_lost_broker = not self._send_ingest_hint()
        return not self._has_lost_broker
