"""Metrics in the text format of Prometheus: what the tallies say, named. Made when asked for.

This is the only file that knows the metrics client. Nothing may be counted here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from innkeeper.obs.tallies import Counted, Measured, Tallies

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

GAUGES: Final = {
    "innkeeper_store_queue_ops": "Writes that wait for the next transaction.",
    "innkeeper_index_providers": "Resource providers in the index.",
    "innkeeper_index_hosts": "Hosts in the index.",
    "innkeeper_index_held_claims": "Claims in flight that the index counts as used.",
}
"""What is read when the metrics are, and what it means."""

Gauges = Mapping[str, Callable[[], float]]


class Metrics:
    """The metrics of one process."""

    def __init__(self, tallies: Tallies, gauges: Gauges) -> None:
        """Show ``tallies`` and what ``gauges``, one for each name of GAUGES, give."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Families(tallies, gauges))

    def text(self) -> bytes:
        """Give all of them as CONTENT_TYPE."""
        return generate_latest(self._registry)


class _Families(Collector):
    def __init__(self, tallies: Tallies, gauges: Gauges) -> None:
        self._tallies = tallies
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        t = self._tallies
        request = ("api", "route", "method")
        yield _counter("innkeeper_requests", "HTTP requests.", (*request, "status"), t.requests)
        yield _histogram(
            "innkeeper_request_seconds", "Time from request to answer.", request, t.request_s
        )
        yield _counter("innkeeper_store_commits", "Transactions.", ("outcome",), t.commits)
        yield _histogram(
            "innkeeper_store_commit_seconds", "Time of a transaction, with its ops.", (), t.commit_s
        )
        yield _histogram("innkeeper_store_batch_ops", "Writes in one transaction.", (), t.batch_ops)
        yield _counter("innkeeper_searches", "Searches for candidates.", ("outcome",), t.searches)
        yield _counter(
            "innkeeper_claims", "Claims of chosen hosts by the scheduler.", ("outcome",), t.claims
        )
        yield _counter(
            "innkeeper_builds", "Builds that agents answered.", ("outcome", "place"), t.builds
        )
        yield _counter(
            "innkeeper_authentications",
            "Requests whose sender was looked for.",
            ("strategy", "outcome"),
            t.authentications,
        )
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(name, text, value=self._gauges[name]())


def _counter(name: str, text: str, labels: Sequence[str], counted: Counted) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counted.counts.items():
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, labels: Sequence[str], measured: Measured) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, buckets, total in measured.cumulated():
        family.add_metric(values, buckets, total)
    return family
