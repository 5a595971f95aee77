"""What this process has logged so far."""

import pytest


class CapturedLog:
    """The log on stderr. `has` may be asked again until a word is there."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self.text = ""

    def has(self, word: str) -> bool:
        """Whether the word was logged."""
        self.text += self._capfd.readouterr().err
        return word in self.text
