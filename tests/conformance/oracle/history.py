"""Play a history to both servers, say where they part, and find the shortest way there."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.conformance.oracle.compare import Difference
from tests.conformance.oracle.exchange import Answer, Clock, Innkeeper, Reference, Request
from tests.conformance.oracle.misjudged import Exchange
from tests.conformance.oracle.searches import canonical, without_limit
from tests.conformance.oracle.step import Step, View
from tests.conformance.oracle.tolerances import all_differences, excuse

MAX_REPLAYS = 150
"""Most attempts to shorten a history that fails: they take a few seconds together."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Tally:
    """What was compared, and what was excused."""

    requests: int = 0
    candidates: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.requests} requests compared, {self.candidates} candidates among the answers;"
            f" statuses {dict(sorted(self.statuses.items()))};"
            f" differences that are meant: {dict(sorted(self.excused.items()))}"
        )


@dataclass
class Parting:
    """Where the two answered differently."""

    script: list[str]
    exchange: Exchange
    found: list[Difference]

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(difference.where for difference in self.found)

    def __str__(self) -> str:
        return "\n".join(
            [
                "The two answer differently. What was sent:",
                *self.script,
                str(self.exchange.request),
                f"Innkeeper: {self.exchange.ours}",
                f"Reference: {self.exchange.theirs}",
                "Different:",
                *map(str, self.found),
            ]
        )


class Play:
    """Both servers."""

    def __init__(
        self, reference: Reference, runner: asyncio.Runner, *, clock: Clock, tally: Tally
    ) -> None:
        self._reference = reference
        self._clock = clock
        self._runner = runner
        self._tally = tally

    def check(self, steps: Sequence[Step]) -> None:
        """Send the steps to both; fail with the shortest history found that parts them."""
        parting = self.play(steps)
        if parting is not None:
            raise AssertionError(str(self._shortest(steps, parting)))

    def play(self, steps: Sequence[Step]) -> Parting | None:
        """Send the steps to both, empty ones; give where they part, if they do."""
        self._reference.reset()
        script: list[str] = []
        aliases: dict[str, str] = {}
        with Innkeeper(self._runner, self._clock) as innkeeper:
            view = View(innkeeper.ask)
            for step in steps:
                self._clock.tick()
                request = step.request(view)
                ours, theirs = innkeeper.ask(request), self._reference.ask(request)
                _learn(aliases, request, ours, theirs)
                theirs = _translated(theirs, aliases)
                exchange = Exchange(request, ours, theirs, view)
                found = self._judge(self._with_whole(exchange, aliases))
                if found:
                    return Parting(script, exchange, found)
                script.append(f"{request}\n    -> {ours.status}")
                if _is_search(exchange):
                    view.candidates = canonical(ours.json["allocation_requests"])
                    self._tally.candidates += len(view.candidates)
                if request.method != "GET" and (ours.status < 300) != (theirs.status < 300):
                    # Only one has done it: what follows would say nothing.
                    break
        return None

    def _judge(self, exchange: Exchange) -> list[Difference]:
        self._tally.requests += 1
        self._tally.statuses[exchange.ours.status] += 1
        found: list[Difference] = []
        for difference in all_differences(exchange):
            name = excuse(exchange, difference)
            if name is None:
                found.append(difference)
            else:
                self._tally.excused[name] += 1
        return found

    def _with_whole(self, exchange: Exchange, aliases: dict[str, str]) -> Exchange:
        """Ask the reference for all that it has cut a search's answer from."""
        if not _is_search(exchange) or exchange.theirs.status != 200:
            return exchange
        request = without_limit(exchange.request)
        if request == exchange.request:
            return replace(exchange, whole=exchange.theirs)
        return replace(exchange, whole=_translated(self._reference.ask(request), aliases))

    def _shortest(self, steps: Sequence[Step], parting: Parting) -> Parting:
        """Leave out steps, fewer and fewer at a time, as long as the same kind of thing differs.

        This is ddmin (Zeller and Hildebrandt 2002), but for its test of subsets alone.
        """
        kept = list(steps[: len(parting.script) + 1])
        size, replays = len(kept) // 2, 0
        while size and replays < MAX_REPLAYS:
            start = 0
            while start < len(kept) and replays < MAX_REPLAYS:
                replays += 1
                tried = self.play([*kept[:start], *kept[start + size :]])
                if tried is not None and tried.kinds == parting.kinds:
                    kept = [*kept[:start], *kept[start + size :]][: len(tried.script) + 1]
                    parting = tried
                else:
                    start += size
            size //= 2
        return parting


def _is_search(exchange: Exchange) -> bool:
    request = exchange.request
    is_search = request.method == "GET" and request.target.startswith("/allocation_candidates")
    return is_search and exchange.ours.status == 200


def _learn(aliases: dict[str, str], request: Request, ours: Answer, theirs: Answer) -> None:
    """Remember the uuid that each gave to a new provider, be it one that came to nothing."""
    is_new = (request.method, request.target) == ("POST", "/resource_providers")
    if not is_new or b'"uuid"' in request.content:
        return
    mine, other = (
        UUID.findall(answer.headers.get("location", "") + _detail(answer))
        for answer in (ours, theirs)
    )
    if len(mine) == len(other):
        aliases |= {two: one for one, two in zip(mine, other, strict=True) if one != two}


def _detail(answer: Answer) -> str:
    errors = answer.json.get("errors", ()) if answer.is_json and answer.status >= 400 else ()
    return " ".join(each["detail"] for each in errors)


def _translated(answer: Answer, aliases: dict[str, str]) -> Answer:
    """Put our uuids in for those that the other has made itself."""
    if not aliases:
        return answer
    headers, body = dict(answer.headers), answer.body
    for theirs, ours in aliases.items():
        headers = {name: value.replace(theirs, ours) for name, value in headers.items()}
        body = body.replace(theirs.encode(), ours.encode())
    return replace(answer, headers=headers, body=body)
