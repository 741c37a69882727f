"""The build's state machine, case by case and under any sequence of events."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.core.build import (
    Active,
    AgentSilent,
    Building,
    Built,
    ClaimRefused,
    ClaimWon,
    Cleaned,
    Cleaning,
    Deleted,
    DeleteRequested,
    Deleting,
    Destroyed,
    Effect,
    Event,
    Failed,
    Forget,
    Leftover,
    Moving,
    NotBuilt,
    Record,
    Resumed,
    SendBuild,
    SendDestroy,
    State,
    Wait,
    step,
)
from innkeeper.core.ids import CellName, HostName, RpUuid
from innkeeper.core.instance import Attempt
from innkeeper.core.selection import Selection


def selection(name: str) -> Selection:
    return Selection(HostName(name), CellName("c"), RpUuid(f"rp-{name}"), ())


def building(*alternates: str) -> Building:
    return Building(selection("h1"), tuple(selection(name) for name in alternates))


def is_final(state: State) -> bool:
    return isinstance(state, Active | Failed | Deleted | Cleaned)


def after(state: State, *events: Event) -> tuple[State, tuple[Effect, ...]]:
    effects: tuple[Effect, ...] = ()
    for event in events:
        state, effects = step(state, event)
    return state, effects


def test_a_task_that_is_taken_asks_for_its_build() -> None:
    state = building("h2")
    assert step(state, Resumed()) == (state, (SendBuild(HostName("h1"), 1),))


def test_built_is_active_and_keeps_the_claim() -> None:
    state, effects = after(building("h2"), Built())
    assert state == Active(HostName("h1"), 1)
    assert effects == (Record(state, "keep"),)


def test_a_failed_build_moves_the_claim_to_the_next_alternate() -> None:
    state, effects = after(building("h2", "h3"), NotBuilt("no disk"))
    following = Building(
        selection("h2"),
        alternates=(selection("h3"),),
        attempt=2,
        attempts=(Attempt(1, HostName("h1"), "no disk"),),
    )
    assert state == Moving(following, None)
    assert effects == (Record(following, "move"),)
    assert step(state, ClaimWon()) == (following, (SendBuild(HostName("h2"), 2),))


def test_a_refused_claim_goes_to_the_alternate_after_it() -> None:
    state, effects = after(building("h2", "h3"), NotBuilt("no disk"), ClaimRefused("full"))
    assert isinstance(state, Moving)
    assert state.next.selection == selection("h3")
    assert state.next.attempt == 3
    assert [attempt.host for attempt in state.next.attempts] == ["h1", "h2"]
    assert effects == (Record(state.next, "move"),)


def test_with_none_left_the_fault_lists_every_attempt_and_the_claim_is_released() -> None:
    state, effects = after(
        building("h2", "h3"), NotBuilt("no disk"), ClaimRefused("full"), ClaimWon(), NotBuilt("hot")
    )
    assert isinstance(state, Failed)
    assert [(a.number, a.host) for a in state.fault.attempts] == [(1, "h1"), (2, "h2"), (3, "h3")]
    for word in ("no disk", "full", "hot"):
        assert word in state.fault.message
    assert effects == (Record(state, "release"),)


def test_a_silent_agent_leaves_a_leftover_with_the_move() -> None:
    state, effects = after(building("h2"), AgentSilent("no answer"))
    assert isinstance(state, Moving)
    assert effects == (Record(state.next, "move", Leftover(HostName("h1"), 1)),)


def test_a_host_without_an_agent_is_told_from_a_slow_one() -> None:
    _, effects = after(building("h2"), AgentSilent("nobody listens", gone=True))
    (effect,) = effects
    assert isinstance(effect, Record)
    assert effect.leftover == Leftover(HostName("h1"), 1, gone=True)


def test_the_leftover_is_not_lost_when_the_alternate_is() -> None:
    state, effects = after(building("h2"), AgentSilent("no answer"), ClaimRefused("full"))
    assert effects == (Record(state, "release", Leftover(HostName("h1"), 1)),)  # type: ignore[arg-type]


def test_delete_during_a_build_asks_the_agent_of_that_build() -> None:
    state, effects = after(building("h2"), DeleteRequested())
    assert state == Deleting(HostName("h1"), 1)
    assert effects == (Record(state, "keep"),)
    assert step(state, Resumed()) == (state, (SendDestroy(HostName("h1"), 1),))
    assert step(state, AgentSilent("away")) == (state, (Wait("away"),))
    assert step(state, Destroyed()) == (Deleted(), (Record(Deleted(), "release"),))


def test_what_was_never_built_is_deleted_at_once() -> None:
    assert after(Active(HostName("h1"), 0), DeleteRequested())[0] == Deleted()
    failed, _ = after(building(), NotBuilt("no disk"))
    assert after(failed, DeleteRequested())[0] == Deleted()


def test_a_leftover_is_asked_for_until_it_is_gone() -> None:
    state = Cleaning(Leftover(HostName("h1"), 2))
    assert step(state, Resumed()) == (state, (SendDestroy(HostName("h1"), 2),))
    assert step(state, AgentSilent("away")) == (state, (Wait("away"),))
    assert step(state, Destroyed()) == (Cleaned(), (Forget(),))


def test_a_late_success_changes_nothing() -> None:
    failed, _ = after(building(), AgentSilent("no answer"))
    assert step(failed, Built()) == (failed, ())
    moving, _ = after(building("h2"), AgentSilent("no answer"))
    assert step(moving, Built()) == (moving, ())


events = st.sampled_from(
    [
        Resumed(),
        Built(),
        NotBuilt("failed"),
        AgentSilent("silent"),
        ClaimWon(),
        ClaimRefused("full"),
        DeleteRequested(),
        Destroyed(),
    ]
)


@given(st.integers(0, 4), st.lists(events, max_size=40))
def test_any_events_keep_the_books(alternates: int, given_events: Sequence[Event]) -> None:
    state: State = building(*(f"h{number + 2}" for number in range(alternates)))
    for event in given_events:
        before = state
        state, effects = step(before, event)
        if is_final(before):
            assert not effects or isinstance(event, DeleteRequested)
        check_attempts(state, alternates)
        for effect in effects:
            check_effect(before, event, effect)


def check_attempts(state: State, alternates: int) -> None:
    if isinstance(state, Moving):
        check_attempts(state.next, alternates)
    if isinstance(state, Building):
        assert state.attempt == len(state.attempts) + 1
        assert len(state.attempts) + len(state.alternates) == alternates
    if isinstance(state, Failed):
        assert len(state.fault.attempts) == state.attempt == alternates + 1
    if isinstance(state, Building | Failed):
        attempts = state.attempts if isinstance(state, Building) else state.fault.attempts
        assert [a.number for a in attempts] == list(range(1, len(attempts) + 1))
        assert [a.host for a in attempts] == [f"h{n}" for n in range(1, len(attempts) + 1)]


def check_effect(before: State, event: Event, effect: Effect) -> None:
    if not isinstance(effect, Record):
        return
    ends = isinstance(effect.state, Failed | Deleted)
    assert ends == (effect.claim == "release")
    assert (effect.claim == "move") == isinstance(effect.state, Building)
    if isinstance(before, Building):
        assert (effect.leftover is not None) == isinstance(event, AgentSilent)


@given(st.integers(0, 6), st.data())
def test_every_build_that_is_answered_ends(alternates: int, data: st.DataObject) -> None:
    """With an answer to each effect, a build is over after two steps an alternate at most."""
    state: State = building(*(f"h{number + 2}" for number in range(alternates)))
    answers = {
        SendBuild: st.sampled_from([Built(), NotBuilt("failed"), AgentSilent("silent")]),
        Record: st.sampled_from([ClaimWon(), ClaimRefused("full")]),
    }
    event: Event = Resumed()
    for _ in range(2 * alternates + 2):
        state, (effect,) = step(state, event)
        if is_final(state):
            break
        event = data.draw(answers[type(effect)])
    assert is_final(state)


@pytest.mark.parametrize("event", [Built(), NotBuilt("x"), AgentSilent("x"), Resumed()])
def test_the_dead_stay_dead(event: Event) -> None:
    assert step(Deleted(), event) == (Deleted(), ())
    assert step(Cleaned(), event) == (Cleaned(), ())
