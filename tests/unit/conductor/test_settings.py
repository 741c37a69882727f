from innkeeper.conductor.settings import ConductorSettings


def test_pauses_double_up_to_a_limit() -> None:
    settings = ConductorSettings(backoff_s=1.0, max_backoff_s=60.0)
    pauses = [settings.pause(attempt).total_seconds() for attempt in (0, 1, 2, 5, 6, 10_000)]
    assert pauses == [1.0, 2.0, 4.0, 32.0, 60.0, 60.0]
