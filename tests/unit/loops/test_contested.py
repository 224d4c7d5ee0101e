import pytest

from autoscaler.loops.contested import FIRST_REST_S, LONGEST_REST_S, REVERTS, WITHIN_S, Contest, ContestBook, saw, wrote
from autoscaler.model import ObjectKey

SHOP = ObjectKey("default", "shop")


def contested(*, rounds: int = REVERTS, every_s: float = 15.0, theirs: int = 2, ours: int = 4) -> tuple[Contest, float]:
    """Write and be undone so many times; return how it stands, and when."""
    contest, now_s = Contest(), 0.0
    for _ in range(rounds):
        contest = wrote(contest, theirs, ours, now_s)
        now_s += every_s
        contest = saw(contest, theirs, now_s)
    return contest, now_s


def test_a_count_that_is_set_back_three_times_is_left_alone_for_an_hour() -> None:
    contest, now_s = contested()
    assert contest.rest is not None
    assert (contest.rest.since_s, contest.rest.until_s) == (now_s, now_s + FIRST_REST_S)
    assert (contest.rest.theirs, contest.rest.reverts) == (2, REVERTS)


@pytest.mark.parametrize("rounds", range(REVERTS))
def test_fewer_reverts_are_normal_life(rounds: int) -> None:
    assert contested(rounds=rounds)[0].rest is None


def test_reverts_far_apart_are_normal_life() -> None:
    assert contested(rounds=20, every_s=WITHIN_S / (REVERTS - 1) + 1)[0].rest is None


def test_changes_to_ever_other_counts_are_no_reverts() -> None:
    contest = Contest()
    for number in range(20):
        contest = saw(wrote(contest, number, 50, number), number + 1, number)
    assert contest.rest is None


def test_our_own_steps_do_not_hide_what_is_always_set_back_to() -> None:
    contest = Contest()
    for now_s in range(REVERTS):
        contest = wrote(contest, 2, 4, now_s)
        contest = saw(contest, 4, now_s)
        contest = wrote(contest, 4, 8, now_s)
        contest = saw(contest, 2, now_s)
    assert contest.rest is not None
    assert contest.rest.theirs == 2


def test_seeing_the_same_count_twice_counts_once() -> None:
    contest = wrote(Contest(), 2, 4, 0)
    for now_s in range(10):
        contest = saw(contest, 2, now_s)
    assert contest.rest is None
    assert len(contest.reverted_s) == 1


def test_after_a_rest_one_more_revert_makes_a_longer_one() -> None:
    contest, now_s = contested()
    lengths = []
    for _ in range(8):
        assert contest.rest is not None
        lengths.append(contest.rest.until_s - contest.rest.since_s)
        now_s = contest.rest.until_s
        contest = saw(wrote(contest, 2, 4, now_s), 2, now_s + 15)
    assert lengths[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert lengths[-1] == LONGEST_REST_S


def test_after_a_write_that_stood_it_takes_three_again() -> None:
    contest, now_s = contested()
    assert contest.rest is not None
    now_s = contest.rest.until_s
    stood = saw(wrote(contest, 2, 4, now_s), 2, now_s + WITHIN_S + 1)
    assert stood.rest == contest.rest  # no new one
    assert len(stood.reverted_s) == 1


def test_nothing_may_be_written_during_a_rest_until_the_object_changes() -> None:
    book = ContestBook()
    for now_s in range(REVERTS):
        assert book.saw(SHOP, 1, 2, now_s) is None
        book.wrote(SHOP, 1, (2, 4), now_s)
    assert book.saw(SHOP, 1, 2, REVERTS) is not None
    assert book.rest(SHOP, 1, REVERTS + FIRST_REST_S - 1) is not None
    assert book.rest(SHOP, 1, REVERTS + FIRST_REST_S) is None
    assert book.rest(SHOP, 2, REVERTS) is None  # of another generation
    book.keep_only(())
    assert book.rest(SHOP, 1, REVERTS) is None


def test_a_single_revert_long_after_a_rest_is_normal_life_also_where_we_write_all_the_time() -> None:
    contest, now_s = contested()
    now_s += FIRST_REST_S
    for step in range(200):  # each of our writes stands until the next one
        contest = wrote(saw(contest, 2 if step == 0 else 3 + step, now_s), 2 if step == 0 else 3 + step, 4 + step, now_s)
        now_s += 60
    contest = saw(contest, 2, now_s)
    assert (contest.rests, contest.reverted_s) == (0, (now_s,))
    assert contest.rest is not None
    assert contest.rest.until_s < now_s


def test_a_rest_does_not_last_for_as_much_longer_as_the_clock_is_put_back() -> None:
    book, order = ContestBook(), "as asked for"
    for now_s in range(7200, 7200 + 15 * REVERTS, 15):
        book.wrote(SHOP, order, (2, 4), now_s)
        book.saw(SHOP, order, 2, now_s + 10)
    assert book.rest(SHOP, order, 7260) is not None
    assert book.rest(SHOP, order, 7200) is not None  # a small step is none
    assert book.rest(SHOP, order, 3600) is None
