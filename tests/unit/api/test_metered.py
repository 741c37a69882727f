"""What is counted, under which names, and how it is shown."""

import asyncio
import re
from pathlib import Path
from typing import Any

from innkeeper.api.asgi import App, Message, Receive, Scope, Send
from innkeeper.api.metered import Metered
from innkeeper.obs.metrics import GAUGES, Metrics
from innkeeper.obs.tallies import Measured, Tallies


async def receive() -> Message:
    return {"type": "http.request"}


def answering(status: int | None) -> App:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    return app


def counted(*asked: tuple[str, str, int | None], root: str = "") -> dict[tuple[str, ...], int]:
    tallies = Tallies()

    async def ask_all() -> None:
        for method, path, status in asked:
            sent: list[Any] = []

            async def send(message: Message, sent: list[Any] = sent) -> None:
                sent.append(message)

            app = Metered(
                answering(status),
                api="placement",
                routes=("", "/things", "/things/{uuid}"),
                tallies=tallies,
                clock=iter([1.0, 1.5]).__next__,
            )
            scope = {"type": "http", "method": method, "path": root + path, "root_path": root}
            await app(scope, receive, send)
            assert len(sent) == (0 if status is None else 2)

    asyncio.run(ask_all())
    return dict(tallies.requests.counts)


def test_requests_are_counted_by_route() -> None:
    assert counted(
        ("GET", "/things/1", 200),
        ("GET", "/things/2", 200),
        ("PUT", "/things/2", 409),
        ("GET", "/things", 200),
        ("GET", "", 200),
        root="/placement",
    ) == {
        ("placement", "/things/{uuid}", "GET", "200"): 2,
        ("placement", "/things/{uuid}", "PUT", "409"): 1,
        ("placement", "/things", "GET", "200"): 1,
        ("placement", "/", "GET", "200"): 1,
    }


def test_no_client_can_make_the_counts_grow() -> None:
    asked = [(f"M{number}", f"/nowhere/{number}", 405) for number in range(50)]
    assert counted(*asked) == {("placement", "other", "other", "405"): 50}


def test_a_client_that_goes_away_is_counted() -> None:
    assert counted(("GET", "/things", None)) == {("placement", "/things", "GET", "499"): 1}


def test_sizes_fall_into_buckets() -> None:
    measured = Measured((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        measured.add(value, "x")
    ((labels, buckets, total),) = measured.cumulated()
    assert (labels, total) == (("x",), 12.0)
    assert buckets == [("1.0", 2), ("2.0", 3), ("+Inf", 4)]


def shown(tallies: Tallies) -> str:
    return Metrics(tallies, dict.fromkeys(GAUGES, lambda: 7.0)).text().decode()


def full() -> Tallies:
    tallies = Tallies()
    tallies.requests.add("native", "/x", "GET", "200")
    tallies.request_s.add(0.003, "native", "/x", "GET")
    tallies.committed("committed", 3, 0.01)
    tallies.searches.add("deadline")
    tallies.claims.add("won")
    tallies.builds.add("built", "alternate")
    return tallies


def test_all_is_shown_in_the_text_format() -> None:
    text = shown(full())
    for line in (
        'innkeeper_requests_total{api="native",method="GET",route="/x",status="200"} 1.0',
        'innkeeper_request_seconds_bucket{api="native",le="0.005",method="GET",route="/x"} 1.0',
        "innkeeper_store_batch_ops_sum 3.0",
        'innkeeper_store_commits_total{outcome="committed"} 1.0',
        'innkeeper_searches_total{outcome="deadline"} 1.0',
        'innkeeper_claims_total{outcome="won"} 1.0',
        'innkeeper_builds_total{outcome="built",place="alternate"} 1.0',
        "innkeeper_store_queue_ops 7.0",
    ):
        assert line in text.splitlines(), line


def test_each_metric_is_in_the_reference(checkout: Path) -> None:
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", shown(full()), re.MULTILINE))
    page = (checkout / "docs/reference/metrics.md").read_text()
    listed = dict(re.findall(r"^\| `(innkeeper_\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert listed == kinds
