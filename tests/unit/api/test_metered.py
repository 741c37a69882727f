"""What is counted, under which names, and how it is shown."""

import asyncio
import re
from pathlib import Path

from innkeeper.api.http import Request, Response
from innkeeper.api.metered import Metered
from innkeeper.obs.metrics import GAUGES, Metrics
from innkeeper.obs.tallies import Measured, Tallies


def counted(*asked: tuple[str, str, int]) -> dict[tuple[str, ...], int]:
    tallies = Tallies()

    async def ask_all() -> None:
        for method, route, status in asked:

            async def app(_request: Request) -> Response:
                return Response(status, route=route)  # noqa: B023 - awaited before the next

            clock = iter([1.0, 1.5]).__next__
            await Metered(app, api="placement", tallies=tallies, clock=clock)(Request(method, "/"))

    asyncio.run(ask_all())
    return dict(tallies.requests.counts)


def test_requests_are_counted_by_route() -> None:
    assert counted(
        ("GET", "/things/{uuid}", 200),
        ("GET", "/things/{uuid}", 200),
        ("PUT", "/things/{uuid}", 409),
        ("GET", "/", 200),
    ) == {
        ("placement", "/things/{uuid}", "GET", "200"): 2,
        ("placement", "/things/{uuid}", "PUT", "409"): 1,
        ("placement", "/", "GET", "200"): 1,
    }


def test_no_client_can_make_the_counts_grow() -> None:
    asked = [(f"M{number}", "", 405) for number in range(50)]
    assert counted(*asked) == {("placement", "other", "other", "405"): 50}


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
