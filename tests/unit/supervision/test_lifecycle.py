"""The lifecycle table, walked through with everything that the world may do to it.

The model knows what the table must not have to know: whether a process is alive, which
times are set, whether the park routine runs. It takes every turn that is possible.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from sswd.ioc.supervision.lifecycle import (
    IGNORED,
    IMPOSSIBLE,
    TABLE,
    Action,
    Event,
    Phase,
    WorkerState,
    decide,
)

A, E, P = Action, Event, Phase

OPERATOR = (E.START, E.STOP, E.RESTART, E.RELOAD)
TIMES = frozenset({E.LATE, E.OVERDUE, E.STOP_OVERDUE, E.UNKILLABLE, E.DUE})


class World(NamedTuple):
    """What is true outside the table."""

    phase: Phase = P.STOPPED
    alive: bool = False
    """A worker process may exist. Between its death and ON_LOST it does not."""
    killed: bool = False
    """SIGKILL was sent to it."""
    undead: bool = False
    """It does not die of that."""
    told: bool = False
    """And that was told."""
    ready: bool = False
    set_times: frozenset[Event] = frozenset()
    parking: bool = False
    refreshing: bool = False
    waits: bool = False
    """A second process waits for its turn, or imports for it."""
    unlost: bool = False
    """A run has died, or could not be started, and ON_LOST is still to come."""
    is_shut: bool = False
    """SHUTDOWN was said."""
    runs: int = 0
    """Starts, counted to 2."""


class Wrong(Exception):
    """The table did what must never be done."""


def after(world: World, event: Event) -> Iterator[World]:
    """Every world that one event may lead to, with the events that its actions cause
    taken at once, as the machine does."""
    yield from _after(world, [event])


def _after(world: World, events: list[Event]) -> Iterator[World]:
    if not events:
        yield world
        return
    decision = decide(world.phase, events[0])
    if decision.is_impossible:
        raise Wrong(decision.words)
    if decision.step is None:
        yield from _after(world, events[1:])
        return
    world = world._replace(phase=decision.step.to)
    yield from _perform(world, list(decision.step.actions), events[1:])


def _perform(world: World, actions: list[Action], events: list[Event]):
    if not actions:
        yield from _after(world, events)
        return
    for changed, caused in _turns(world, actions[0]):
        yield from _perform(changed, actions[1:], [*events, *caused])


def _turns(world: World, action: Action) -> Iterator[tuple[World, list[Event]]]:
    """(world, events caused) for everything that may come of one action."""
    times = world.set_times
    match action:
        case A.START_RUN:
            if world.alive or world.unlost:
                raise Wrong("a second worker beside one that may be alive")
            if world.parking:
                raise Wrong("a worker while the park routine moves the hardware")
            if world.is_shut:
                raise Wrong("a new worker although the IOC ends")
            runs = min(world.runs + 1, 2)
            yield world._replace(unlost=True, ready=False, runs=runs), [E.DIED]
            yield (
                world._replace(
                    alive=True,
                    ready=False,
                    waits=False,
                    runs=runs,
                    set_times=times | {E.LATE, E.OVERDUE},
                ),
                [],
            )
        case A.ON_LOST:
            if world.alive:
                raise Wrong("a living worker was given up")
            if not world.unlost:
                raise Wrong("lost twice")
            gone = {E.LATE, E.OVERDUE, E.STOP_OVERDUE, E.UNKILLABLE}
            yield (
                world._replace(
                    unlost=False,
                    killed=False,
                    undead=False,
                    told=False,
                    set_times=times - gone,
                ),
                [],
            )
        case A.PARK:
            if world.alive or world.unlost:
                raise Wrong("parked beside a worker that may be alive")
            if world.parking:
                raise Wrong("parked twice at once")
            yield world._replace(parking=True), []
            yield world, [E.PARKED]
        case A.LOAD_FRESH:
            if world.told:
                raise Wrong("a process imports beside a worker that cannot be killed")
            yield world._replace(refreshing=True, waits=True), []
            yield world._replace(refreshing=False, waits=False), [E.FRESH]  # no room
        case A.DROP_STANDBY:
            yield world._replace(refreshing=False, waits=False), []
        case A.ASK_TO_STOP:
            yield world._replace(set_times=times | {E.STOP_OVERDUE}), []
        case A.KILL_LATE_STARTER | A.KILL_LATE_CLOSER:
            timed = world._replace(set_times=times | {E.UNKILLABLE}, killed=True)
            yield timed._replace(undead=True), []
            yield timed, []
        case A.WAIT:
            yield world._replace(set_times=times | {E.DUE}), []
            yield world, [E.SPENT]
        case A.PREPARE_STANDBY:
            if world.told:
                raise Wrong("a process waits beside a worker that cannot be killed")
            yield world._replace(waits=True), []
            yield world, []  # standby = false
        case A.TELL_UNKILLABLE:
            if world.waits:
                raise Wrong("a process waits beside a worker that cannot be killed")
            yield world._replace(told=True), []
        case A.RECALL_UNDEAD:
            yield world, [E.UNKILLABLE] if world.told else []
        case A.ACCEPT_COMMANDS:
            if not (world.alive and world.ready):
                raise Wrong("commands for a worker that is not there")
            yield world, []
        case A.FINISH:
            if world.alive and not world.killed:
                raise Wrong("the IOC goes and leaves a worker")
            yield world, []
        case _:
            yield world, []


def happenings(world: World) -> Iterator[World]:
    """What comes by itself: times, exits, ends of what was started."""
    for time in world.set_times:
        yield from after(world._replace(set_times=world.set_times - {time}), time)
    if world.parking:
        yield from after(world._replace(parking=False), E.PARKED)
    if world.refreshing:
        for end in (E.FRESH, E.STALE):
            yield from after(world._replace(refreshing=False), end)
    if world.alive and not world.undead:
        died = world._replace(alive=False, unlost=True)
        yield from after(died, E.ENDED)
        yield from after(died, E.DIED)
        if not world.ready:
            yield from after(world._replace(ready=True), E.READY)


def whims(world: World) -> Iterator[World]:
    """What an operator, a limit or a signal may want at any time."""
    if not world.is_shut:
        for event in OPERATOR:
            yield from after(world, event)
        if world.alive and world.ready:
            yield from after(world, E.RECYCLE)
    if world.alive and world.ready:  # the last rung of a command's ladder
        timed = world._replace(killed=True, set_times=world.set_times | {E.UNKILLABLE})
        yield from (timed, timed._replace(undead=True))
    yield from after(world._replace(is_shut=True), E.SHUTDOWN)
    if world.is_shut:  # a second signal
        yield from after(world, E.STOP_OVERDUE)


def walk(start: World) -> set[World]:
    """Every world that can come about."""
    seen, todo = {start}, [start]
    while todo:
        world = todo.pop()
        if world.phase is P.CLOSED:
            continue  # nobody listens any more
        for following in (*happenings(world), *whims(world)):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return seen


@pytest.fixture(scope="module")
def worlds() -> set[World]:
    killed_before = (after(World(), E.START_UNPARKED), [World()])
    return set().union(*(walk(world) for begin in killed_before for world in begin))


# -- the table itself


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_decided(phase, event):
    decision = decide(phase, event)
    assert (decision.step is None) == (event not in TABLE[phase])
    assert decision.step or decision.words
    assert decision.is_impossible == (decision.step is None and event in IMPOSSIBLE)


def test_the_reasons_are_those_of_all_other_events():
    assert set(IGNORED).isdisjoint(IMPOSSIBLE)
    assert set(IGNORED) | IMPOSSIBLE == set(Event)


def test_no_event_is_named_everywhere_and_ignored_nowhere_for_nothing():
    """Every reason in IGNORED is needed by some phase."""
    for event in IGNORED:
        assert any(event not in row for row in TABLE.values())


def test_every_action_is_performed_somewhere():
    performed = {a for row in TABLE.values() for step in row.values() for a in step[1]}
    assert performed == set(Action)


def test_nothing_follows_the_end():
    assert TABLE[P.CLOSED] == {}


# -- the table in the world


def test_nothing_forbidden_ever_happens(worlds):
    """walk() raises Wrong: a second worker, a worker beside the park routine, a loss
    twice or never, commands for nobody, an exit that the table does not name."""
    assert len(worlds) > 100


def test_nobody_waits_beside_a_worker_that_cannot_be_killed(worlds):
    told = [world for world in worlds if world.told]
    assert {world.phase for world in told} >= {P.STUCK, P.UNDEAD, P.RESTARTING}
    assert not any(world.waits or world.refreshing for world in told)


def test_every_phase_is_reached(worlds):
    assert {world.phase for world in worlds} == set(Phase)


def test_the_state_tells_whether_there_is_a_worker(worlds):
    """Never BACKOFF, STOPPED or FATAL beside a process that may touch the hardware."""
    gone = {WorkerState.STOPPED, WorkerState.BACKOFF, WorkerState.FATAL}
    for world in worlds:
        if world.phase.state in gone and world.phase is not P.CLOSED:
            assert not world.alive, world
        if world.phase.state in {WorkerState.STARTING, WorkerState.RUNNING}:
            assert world.alive, world
        if world.phase.state is WorkerState.RUNNING:
            assert world.ready, world


def test_no_death_is_forgotten(worlds):
    assert not any(world.unlost for world in worlds)


def inevitable(worlds: set[World], aim, forced) -> None:
    """However `forced` goes on, an aim is reached: no dead end and no circle."""
    reached: dict[World, bool] = {}

    def check(world: World, way: tuple[World, ...]) -> None:
        if aim(world) or world in reached:
            return
        assert world not in way, f"circle: {[w.phase.name for w in way]} {world}"
        following = list(forced(world))
        assert following, f"dead end: {world}"
        for other in following:
            check(other, (*way, world))
        reached[world] = True

    for world in worlds:
        check(world, ())


def test_shutdown_always_ends(worlds):
    """From everywhere, with a worker that ends or one that nothing can kill."""

    def left_alone(world: World) -> Iterator[World]:
        for following in happenings(world):
            if following != world:
                yield following

    shut = {
        following
        for world in worlds
        if not world.is_shut
        for following in after(world._replace(is_shut=True), E.SHUTDOWN)
    }
    shut |= {world for world in worlds if world.is_shut}
    inevitable(shut, lambda world: world.phase is P.CLOSED, left_alone)


def test_a_reload_soon_after_a_restart_is_none_of_it():
    """The configuration may have been edited in between."""
    assert decide(P.YOUNG, E.RELOAD) == decide(P.RUNNING, E.RELOAD)
    assert decide(P.YOUNG, E.RESTART).step is None


def test_a_stopped_worker_stays_stopped(worlds):
    """But for an operator's START or RESTART."""
    for world in worlds:
        if world.phase is P.STOPPED:
            for following in (*happenings(world), *after(world, E.RELOAD)):
                assert following.phase is P.STOPPED
                assert not following.alive


def healthy(world: World) -> Iterator[World]:
    """It closes when asked, or is killed; it becomes ready; parks end; code loads."""
    if world.refreshing:
        yield from after(world._replace(refreshing=False), E.FRESH)
    elif world.parking:
        yield from after(world._replace(parking=False), E.PARKED)
    elif world.alive and world.phase.state is WorkerState.STOPPING:
        died = world._replace(alive=False, unlost=True)
        for exit_ in (E.ENDED, E.DIED):
            yield from after(died, exit_)


def test_a_restart_brings_a_new_run(worlds):
    """Or the start that is under way counts as one, or fresh code does not load."""
    soon = {P.STARTING, P.RENEWING, P.YOUNG}
    begun = [
        following
        for world in worlds
        if not world.is_shut and world.phase not in soon and not world.undead
        for following in after(world._replace(runs=0), E.RESTART)
    ]
    assert begun
    inevitable(set(begun), lambda world: world.runs > 0, healthy)


def test_a_reload_brings_a_run_that_was_launched_after_it(worlds):
    """Always: what was launched before it has the former configuration."""
    stays = {P.STOPPED, P.STOPPING, P.LAST_PARKING}
    begun = [
        following
        for world in worlds
        if not world.is_shut and world.phase not in stays and not world.undead
        for following in after(world._replace(runs=0), E.RELOAD)
    ]
    assert {world.phase for world in begun} >= {P.REFRESHING, P.RESTARTING, P.REPARKING}
    assert not any(world.waits and not world.refreshing for world in begun)
    inevitable(set(begun), lambda world: world.runs > 0, healthy)


def test_a_death_is_healed_without_anybody(worlds):
    """Unless the budget is spent, or somebody said STOP."""

    def unattended(world: World) -> Iterator[World]:
        if world.parking:
            yield from after(world._replace(parking=False), E.PARKED)
        elif E.DUE in world.set_times:
            left = world.set_times - {E.DUE}
            yield from after(world._replace(set_times=left), E.DUE)

    dead = {
        following
        for world in worlds
        if world.alive
        and not world.is_shut
        and world.phase.state in {WorkerState.STARTING, WorkerState.RUNNING}
        for following in after(world._replace(alive=False, unlost=True, runs=0), E.DIED)
    }
    inevitable(dead, lambda world: world.runs > 0 or world.phase is P.FATAL, unattended)
