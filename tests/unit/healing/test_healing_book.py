from dataclasses import replace

from autoscaler.healing import book
from autoscaler.healing.types import ActState, State
from tests.unit.healing.scenes import NOW_S, SHOP, a_policy, an_act


def test_the_status_reads_like_other_statuses_of_kubernetes() -> None:
    state = State((an_act(ago_s=0.0),), breaker_open_until_s=NOW_S + 0.25)
    assert book.to_status(state) == {
        "acts": [
            {
                "at": "2027-01-15T08:00:00.000000Z",
                "workload": {"namespace": "default", "kind": "Deployment", "name": "shop"},
                "pod": "old",
                "uid": "uid-old",
                "state": "Healed",
            }
        ],
        "breakerOpenUntil": "2027-01-15T08:00:00.250000Z",
    }


def test_a_policy_without_a_status_has_an_empty_book() -> None:
    assert book.from_status({}) == book.from_status(None) == State()


def test_entries_that_cannot_be_understood_are_dropped_and_the_others_kept() -> None:
    good = book.to_status(State((an_act(ago_s=5.0),)))["acts"][0]
    bad = [
        None,
        "text",
        {},
        good | {"at": "yesterday"},
        good | {"at": 17},
        good | {"at": "0001-01-01T00:00:00+23:59"},
        good | {"at": "9999-12-31T23:59:59-23:59"},
        good | {"state": "Maybe"},
        good | {"state": []},
        good | {"uid": None},
        good | {"workload": "shop"},
        good | {"workload": {"kind": "Deployment"}},
    ]
    status = {"acts": [*bad, good], "breakerOpenUntil": 12, "conditions": [{"type": "Ready"}]}
    assert book.from_status(status) == State((an_act(ago_s=5.0),))


def test_a_book_longer_than_the_limit_keeps_the_newest() -> None:
    acts = tuple(an_act(ago_s=float(ago_s)) for ago_s in range(300, 0, -1))
    read = book.from_status(book.to_status(State(acts)))
    assert len(read.acts) == 100
    assert read.acts[-1] == acts[-1]


def test_old_acts_are_forgotten() -> None:
    acts = (an_act(ago_s=20_000.0), an_act(ago_s=3000.0))
    kept = book.prune((*acts, an_act(ago_s=20_000.0, workload=replace(SHOP, name="other"))), a_policy().budget, NOW_S)
    assert kept == acts, "the run of acts that sets the back-off is kept while its newest is young"


def test_no_more_than_the_run_that_sets_the_back_off_is_remembered() -> None:
    acts = [an_act(ago_s=4000.0 + 1000.0 * back, state=ActState.UNHEALED) for back in range(12)]
    assert len(book.prune(acts, a_policy().budget, NOW_S)) == 6


def test_acts_that_no_brake_needs_make_room_in_a_long_book() -> None:
    idle = [an_act(ago_s=5000.0 + at, workload=replace(SHOP, name=f"idle-{at}")) for at in range(80)]
    needed = [an_act(ago_s=10.0 + at, workload=replace(SHOP, name=f"busy-{at}")) for at in range(60)]
    kept = book.prune((*idle, *needed), a_policy().budget, NOW_S)
    assert set(kept) == set(needed)


def test_an_act_in_the_future_is_taken_as_now() -> None:
    (kept,) = book.prune([an_act(ago_s=-500.0)], a_policy().budget, NOW_S)
    assert kept.at_s == NOW_S
