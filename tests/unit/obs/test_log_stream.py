"""Where log lines go."""

import io
import sys

import pytest
import structlog

from innkeeper.obs import log


def test_a_stderr_that_was_replaced_is_written_to_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = structlog.get_config()
    first, second = io.StringIO(), io.StringIO()
    try:
        monkeypatch.setattr(sys, "stderr", first)
        log.set_up("warning")
        structlog.get_logger("one").warning("heard first")
        first_text = first.getvalue()
        first.close()
        monkeypatch.setattr(sys, "stderr", second)
        structlog.get_logger("one").warning("heard second")
    finally:
        structlog.configure(**before)
    assert "heard first" in first_text
    assert "heard second" in second.getvalue()
