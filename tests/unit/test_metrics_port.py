"""The port of the metrics: missing metrics stop nothing, and a port that is taken is replaced."""

import contextlib
import socket

import pytest

from cli.up import with_metrics_port
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit


def test_taken_port_is_replaced_by_a_free_one_unless_it_was_named(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEADHUB_METRICS_PORT", raising=False)
    settings = Settings()
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # it may be in use already
            other.bind((settings.metrics_host, settings.metrics_port))
        found = with_metrics_port(settings)
        named = with_metrics_port(settings.model_copy(update={"metrics_port": settings.metrics_port}))
    free, warned = capfd.readouterr().err.splitlines()
    assert found.metrics_port not in (0, settings.metrics_port)
    assert free.endswith(f":{found.metrics_port}/metrics (port {settings.metrics_port} is in use)")
    assert named.metrics_port == settings.metrics_port
    assert "WARNING" in warned
