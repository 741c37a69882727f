"""The searches in which the reference errs, and how: no further than that may the two differ.

Each function here tells whether a difference is all due to one known error of the reference, for
which Innkeeper's answer must be exactly what the judge says, and the reference's exactly what the
error makes of that.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from innkeeper.core.request_group import CandidateRequest
from tests.conformance.oracle.compare import Difference
from tests.conformance.oracle.exchange import Answer, Request
from tests.conformance.oracle.judge import Judge, Whole
from tests.conformance.oracle.names import SHARES
from tests.conformance.oracle.step import View
from tests.unit.index.oracle import Part, parts_of
from tests.unit.index.worlds import Told


@dataclass(frozen=True)
class Exchange:
    """One request with both answers."""

    request: Request
    ours: Answer
    theirs: Answer
    view: View
    """The state that the request met."""
    whole: Answer | None = None
    """What theirs is without the limit of the request."""

    @cached_property
    def judge(self) -> Judge:
        """Of a search that both have served."""
        return Judge(self.request, self.view)

    @cached_property
    def listed(self) -> Counter[Told]:
        """What the reference lists without a limit."""
        return self.judge.tales(self.whole or self.theirs)

    @cached_property
    def misread(self) -> list[Whole]:
        """What the reference would find, did it err in nothing but what is asked for."""
        taken = self.judge.as_misread()
        return [] if taken is None else list(self.judge.wholes(taken))

    @cached_property
    def never_lost(self) -> list[Whole]:
        """Of these, those of which nothing serves the unsuffixed group for several trees."""
        world = self.judge.world
        anchors: dict[Part, set[int]] = {}
        for group in self.judge.asked.groups:
            if group.suffix:
                continue
            for anchor in {world.root(rp_id) for rp_id in world.rps}:
                for part in parts_of(world, group, anchor):
                    anchors.setdefault(part, set()).add(anchor)
        return [
            whole
            for whole in self.misread
            if all(len(anchors.get(part, ())) <= 1 for part in whole.parts)
        ]


def resourceless(exchange: Exchange, _difference: Difference) -> bool:
    """The reference lists what it should if in_tree of such groups were not there, or nothing."""
    judge = exchange.judge
    expected = {judge.shown(whole.told) for whole in exchange.misread}
    return (
        judge.as_misread() != judge.asked
        and judge.is_right(exchange.ours)
        and exchange.listed.keys() == expected
    )


def candidates_lost(exchange: Exchange, _difference: Difference) -> bool:
    """Of what serves the unsuffixed group for several trees the reference keeps one tree."""
    judge = exchange.judge
    if len(judge.asked.groups) < 2 or not judge.is_right(exchange.ours):
        return False
    shown = {judge.shown(whole.told) for whole in exchange.misread}
    never_lost = {judge.shown(whole.told) for whole in exchange.never_lost}
    return never_lost <= exchange.listed.keys() <= shown


def same_class(exchange: Exchange, _difference: Difference) -> bool:
    """Of classes that two groups ask for the reference adds amounts up once too often."""
    judge = exchange.judge
    twice = classes_asked_twice(judge.asked)
    if not twice or judge.asked.group_policy == "none" or not judge.is_right(exchange.ours):
        return False
    wanted = sums_asked(judge.asked)
    expected = {judge.shown(whole.told) for whole in exchange.misread}
    for told in exchange.listed.keys() - expected:
        given: Counter[str] = Counter()
        for _, name, amount in told[0]:
            given[name] += amount
        wrong = {name for name in given | wanted if given[name] != wanted[name]}
        if not wrong or not wrong <= twice:
            return False
    return True


def child_shares(exchange: Exchange, _difference: Difference) -> bool:
    """The reference fails where a provider that shares is no root; ours is right all the same."""
    return (
        exchange.theirs.status == HTTPStatus.INTERNAL_SERVER_ERROR
        and exchange.ours.status == HTTPStatus.OK
        and exchange.request.target.startswith("/allocation_candidates")
        and any(SHARES in rp.traits and rp.parent for rp in exchange.judge.world.rps.values())
        and exchange.judge.is_right(exchange.ours)
    )


def classes_asked_twice(request: CandidateRequest) -> frozenset[str]:
    """Give the classes of the unsuffixed group that another one asks for too."""
    of_any = [{name for name, _ in group.resources} for group in request.groups if not group.suffix]
    others = [name for group in request.groups if group.suffix for name, _ in group.resources]
    return frozenset(others).intersection(*of_any) if of_any else frozenset()


def sums_asked(request: CandidateRequest) -> Counter[str]:
    sums: Counter[str] = Counter()
    for group in request.groups:
        sums.update(dict(group.resources))
    return sums


def doubles(exchange: Exchange, _difference: Difference) -> bool:
    """Below 1.34 the reference lists a candidate for each of its mappings, which are not shown.

    But for those that it loses, as `candidates_lost` has it.
    """
    judge = exchange.judge
    if judge.asked.mappings or not judge.is_right(exchange.ours):
        return False
    most = Counter(judge.shown(told) for told in {whole.told for whole in exchange.misread})
    least = Counter(judge.shown(told) for told in {whole.told for whole in exchange.never_lost})
    return least <= exchange.listed <= most
