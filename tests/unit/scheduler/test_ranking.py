"""A ranking that was kept and repaired says what a new one says, to the bit."""

from random import Random

import msgspec
import numpy as np
import pytest

from innkeeper.core.allocation import Allocation
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, RpUuid
from innkeeper.core.picture import Picture
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index import tree_sums
from innkeeper.index.holds import Hold
from innkeeper.index.search import never
from innkeeper.replay.openb import OPENB, Task, candidate_request, typical_tasks
from innkeeper.scheduler import ranking as ranking_module
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.asked import asked_by
from innkeeper.scheduler.best import NEVER, best_of
from innkeeper.scheduler.group_picks import GroupPicks
from innkeeper.scheduler.profile import Profile, built_in_filters, built_in_profiles
from innkeeper.scheduler.ranking import Ranking, Rankings
from innkeeper.scheduler.settings import SchedulerSettings
from tests.unit.scheduler.cluster import Cluster, flat_request

SHARE = Task("share", 4, 64, 1, 300)
SETTINGS = SchedulerSettings(gpu=OPENB, typical=typical_tasks([SHARE]))
FLAT = RequestSpec(flat_request(VCPU=2, MEMORY_MB=64))
SPECS = (
    FLAT,
    msgspec.structs.replace(FLAT, zone="z1"),
    msgspec.structs.replace(FLAT, ignore_hosts=(HostName("h1"),)),
    RequestSpec(flat_request(MEMORY_MB=512)),
    RequestSpec(candidate_request(SHARE)),
)


def profiles(cluster: Cluster) -> dict[str, Profile]:
    picks, random = GroupPicks(cluster.index.hosts), Random(1)
    groups = cluster.index.groups
    filters = built_in_filters({}, groups, picks)
    return built_in_profiles(SETTINGS, filters, groups=groups, picks=picks, random=random)


class History:
    """What may happen to a cluster, drawn from a seed."""

    def __init__(self, seed: int, *, flat: bool = False) -> None:
        self.random = Random(seed)
        self.flat = flat
        self.cluster = Cluster()
        self.hosts: list[Host] = []
        self.holds: list[Hold] = []
        for _ in range(6):
            self.add()

    def step(self) -> None:
        happens = [self.use] * 8 + [self.hold] * 4 + [self.release] * 3
        self.random.choice([*happens, self.use_many, self.switch, self.add, self.remove])()

    def add(self) -> None:
        number = len(self.hosts)
        amounts = {"VCPU": self.random.choice([8, 16]), "MEMORY_MB": 1024, OPENB.cpu: 8}
        gpus = [(OPENB.gpu, 1000, "CUSTOM_GPU_MODEL_T4")] * self.random.choice([0, 0, 2])
        if self.flat:
            gpus = []
        host = Host(
            HostName(f"h{number}"), CellName("c"), RpUuid(""), zone=f"z{self.random.randrange(2)}"
        )
        self.cluster.add_host(host.name, amounts, devices=gpus, host=host)
        index = self.cluster.index
        provider = index.provider(index.hosts.root[number])
        self.hosts.append(msgspec.structs.replace(host, rp_uuid=provider.uuid))

    def use(self) -> None:
        host = self.random.choice(self.hosts)
        if self.cluster.index.hosts.position(host.name) is not None:
            self.cluster.use(host.name, "VCPU", [self.random.randrange(9)])
            self.cluster.use(host.name, "MEMORY_MB", [self.random.choice([0, 64, 1000, 1024])])

    def use_many(self) -> None:
        for _ in range(self.random.choice([40, 300])):
            self.use()

    def hold(self) -> None:
        host = self.random.choice(self.hosts)
        row = self.cluster.index.row(host.rp_uuid)
        assert row is not None
        below = self.random.choice(self.cluster.index.tree(row))
        provider = self.cluster.index.provider(below)
        name = "VCPU" if below == row else OPENB.gpu
        self.holds.append(
            self.cluster.index.hold([Allocation(provider.id, provider.uuid, name, 3)])
        )

    def release(self) -> None:
        if self.holds:
            self.holds.pop(self.random.randrange(len(self.holds))).release()

    def switch(self) -> None:
        at = self.random.randrange(len(self.hosts))
        self.hosts[at] = msgspec.structs.replace(self.hosts[at], up=not self.hosts[at].up)
        self.cluster.index.apply(Picture(hosts=(self.hosts[at],)))

    def remove(self) -> None:
        gone = self.random.choice(self.hosts)
        self.cluster.index.apply(Picture(hosts_removed=(gone.name,)))


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("seed", range(15))
def test_what_was_kept_is_what_would_be_made_anew(
    seed: int, *, flat: bool, arrays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arrays:  # However few have changed, they are repaired as many would be.
        monkeypatch.setattr(ranking_module, "FEW", 0)
        monkeypatch.setattr(tree_sums, "MAX_SINGLE", 0)
    history = History(seed, flat=flat)
    index = history.cluster.index
    known = profiles(history.cluster)
    kept = Rankings(index)
    for _ in range(60):
        history.step()
        spec = history.random.choice(SPECS)
        profile = known[history.random.choice(["spread", "stack", "best-fit", "fgd"])]
        asked = asked_by(spec, OPENB)
        ranking, fresh = kept.now(asked, profile), Ranking(index, asked, profile)
        assert (ranking.hosts, ranking.count, ranking.steps) == (
            fresh.hosts,
            fresh.count,
            fresh.steps,
        )
        assert ranking.fits.tolist() == fresh.fits.tolist()
        assert ranking.scores.tolist() == fresh.scores.tolist()
        assert at_the_ends(ranking) == at_the_ends(fresh)
        for name in ("VCPU", OPENB.gpu):
            sums = tree_sums.TreeSums(index.columns, index.hosts.log).free(name, index.hosts.root)
            assert index.hosts.free(name).tolist() == sums.tolist()
        mask = np.array([history.random.random() < 0.7 for _ in range(len(index.hosts))])
        contest = ranking.contest(mask)
        best = contest.first(2, random=None)
        assert contest.scores.tolist() == fresh.contest(mask).scores.tolist()
        assert best == best_of(contest.scores, 2)
        assert (contest.scores[~(ranking.fits & mask)] == NEVER).all()
        if profile.name == "spread":
            check_scale(history, ranking, mask)


@pytest.mark.parametrize("policy", ["spread", "stack"])
def test_the_first_are_those_that_would_be_sought_anew(policy: str) -> None:
    history = History(1, flat=True)
    for _ in range(20):
        history.add()
    index = history.cluster.index
    asked, profile = asked_by(FLAT, OPENB), profiles(history.cluster)[policy]
    kept = Ranking(index, asked, profile)
    repaired = 0
    for _ in range(200):
        history.random.choice([history.hold, history.hold, history.release])()
        before = kept.scores
        assert kept.repair()
        repaired += kept.scores is before
        fresh = Ranking(index, asked, profile)
        count = history.random.choice([1, 3, 3, 5])
        assert kept.contest(kept.fits).first(count, random=None) == best_of(fresh.scores, count)
    assert repaired > 50


@pytest.mark.parametrize("together", [False, True])
def test_who_is_full_leaves_and_comes_back_without_a_look_at_all(
    *, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster()
    for number in range(9):
        cluster.add_host(f"h{number}", {"VCPU": 8 + number // 2, "MEMORY_MB": 1024})
    asked, profile = asked_by(FLAT, OPENB), profiles(cluster)["spread"]
    kept = Ranking(cluster.index, asked, profile)
    assert kept.contest(kept.fits).first(3, random=None) == [8, 6, 7]
    worked_out: list[Ranking] = []
    work_out = Ranking._work_out
    monkeypatch.setattr(Ranking, "_work_out", lambda of: (worked_out.append(of), work_out(of)))
    monkeypatch.setattr(ranking_module, "FEW", 0 if together else 8)
    for host, used, left in (("h3", 9, 8), ("h6", 11, 7), ("h3", 0, 8), ("h6", 0, 9)):
        cluster.use(host, "VCPU", [used])
        assert kept.repair()
        assert kept.count == left
        anew = Ranking(cluster.index, asked, profile)
        assert kept.scores.tolist() == anew.scores.tolist()
        assert kept.steps == anew.steps
    assert kept not in worked_out


def at_the_ends(ranking: Ranking) -> list[tuple[int, int]]:
    """Give how many hosts have the least and the greatest score of each weigher."""
    return [(said._at_least, said._at_greatest) for said in ranking._said]


def check_scale(history: History, ranking: Ranking, mask: Mask) -> None:
    """Scores are brought to one scale over the hosts in question, and over no others."""
    left = ranking.fits & mask
    total = np.zeros(int(np.count_nonzero(left)))
    for name in ("VCPU", "MEMORY_MB"):
        free = history.cluster.index.hosts.free(name)[left]
        if free.size and free.min() < free.max():
            total += (free - free.min()) / (free.max() - free.min())
    assert ranking.contest(mask).scores[left].tolist() == pytest.approx(total.tolist())


def test_one_ranking_serves_all_owners() -> None:
    history = History(1)
    rankings = Rankings(history.cluster.index)
    profile = profiles(history.cluster)["spread"]
    first, second = (
        rankings.now(asked_by(RequestSpec(FLAT.request, project_id=owner), OPENB), profile)
        for owner in "ab"
    )
    assert first is second


def test_a_host_that_may_never_serve_has_no_candidates() -> None:
    cluster = Cluster()
    cluster.add_host("a", {"VCPU": 8, "MEMORY_MB": 1024})
    cluster.add_host("b", {"MEMORY_MB": 1024})
    ranking = Ranking(cluster.index, asked_by(FLAT, OPENB), profiles(cluster)["spread"])
    found = [list(ranking.candidates(at, prefer=None, expired=never)) for at in (0, 1)]
    assert [len(each) for each in found] == [1, 0]


def test_rankings_take_no_more_room_than_they_may() -> None:
    history = History(1)
    profile = profiles(history.cluster)["spread"]
    one = Ranking(history.cluster.index, asked_by(FLAT, OPENB), profile)
    rankings = Rankings(history.cluster.index, max_bytes=2 * one.nbytes + 1)
    asked = [asked_by(RequestSpec(flat_request(VCPU=amount)), OPENB) for amount in (1, 2, 3)]
    first, _, third = (rankings.now(each, profile) for each in asked)
    assert rankings.now(asked[2], profile) is third
    assert rankings.now(asked[0], profile) is not first
