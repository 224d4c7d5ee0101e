"""How long ranges are cut into parts: what bounds them, in which order they come, and what is remembered of a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from autoscaler.clients.grid import Grid
from autoscaler.clients.prometheus_session import TooLarge, TooSlow
from autoscaler.clients.ranges import SMALLEST, VALUES, Answer, Question, Ranges
from autoscaler.errors import ForesailError, Temporary

WEEK = Grid.between(0, 7 * 86_400, 60)
LONG = Question("history", "up")


@dataclass(slots=True)
class Server:
    """Answers with so many series; refuses more than `most` points at once, and hangs beyond `slow`."""

    series: int = 1
    most: int = 10**9
    slow: int = 10**9
    asked: list[Grid] = field(default_factory=list)

    async def answer(self, _: Question, part: Grid) -> Answer:
        self.asked.append(part)
        if part.points > self.most:
            raise TooLarge("too many samples")
        if part.points > self.slow:
            raise TooSlow("no answer in time")
        return [({"pod": str(number)}, np.ones(part.points)) for number in range(self.series)]

    def sizes(self) -> list[int]:
        """Forget what was asked, and return how many points each part of it had."""
        sizes = [one.points for one in self.asked]
        self.asked.clear()
        return sizes


async def read(ranges: Ranges, grid: Grid = WEEK, question: Question = LONG) -> Sequence[Grid]:
    return [part async for part, _ in ranges.read(question, grid)]


async def test_parts_join_without_a_seam_the_newest_first() -> None:
    parts = await read(Ranges(Server().answer, 3_000))
    assert [part.points for part in parts] == [3_000, 3_000, 3_000, 1_081]
    assert (parts[0].last, parts[-1].first) == (WEEK.last, WEEK.first)
    assert all(newer.first == older.last + 1 for newer, older in pairwise(parts))


async def test_a_grid_without_points_asks_nothing() -> None:
    server = Server()
    assert await read(Ranges(server.answer, 100), Grid.between(61, 119, 60)) == []
    assert server.asked == []


async def test_a_size_that_was_refused_is_not_asked_for_again() -> None:
    server = Server(most=700)
    ranges = Ranges(server.answer, 10_000)
    parts = await read(ranges)
    assert sum(part.points for part in parts) == WEEK.points
    assert server.sizes()[:6] == [10_000, 5_000, 2_500, 1_250, 625, 625]
    await read(ranges)
    assert server.sizes()[:3] == [625, 625, 625]


async def test_once_there_is_room_again_parts_grow_again() -> None:
    server = Server(most=700)
    ranges = Ranges(server.answer, 10_000)
    await read(ranges)
    server.most = 10**9
    largest = []
    for _ in range(5):
        server.sizes()
        await read(ranges)
        largest.append(max(server.sizes()))
    assert largest == [625, 1_250, 2_500, 5_000, 10_000]


async def test_a_short_range_says_nothing_of_what_a_long_one_may_have() -> None:
    server = Server(most=700)
    ranges = Ranges(server.answer, 10_000)
    await read(ranges)
    await read(ranges, WEEK.newest(5))
    server.sizes()
    await read(ranges)
    assert max(server.sizes()) == 625


async def test_what_takes_too_long_is_halved_when_it_is_asked_the_next_time() -> None:
    server = Server(slow=700)
    ranges = Ranges(server.answer, 2_000)
    for size in (2_000, 1_000):
        with pytest.raises(Temporary):
            await read(ranges)
        assert server.sizes() == [size]
    assert sum(part.points for part in await read(ranges)) == WEEK.points
    assert max(server.sizes()) == 500


@pytest.mark.parametrize("server", [Server(most=1), Server(slow=1)], ids=["too large", "too slow"])
async def test_what_is_too_much_however_short_is_an_error_and_is_not_remembered(server: Server) -> None:
    ranges = Ranges(server.answer, 10_000)
    with pytest.raises(ForesailError):
        await read(ranges, WEEK.newest(SMALLEST))
    server.most = server.slow = 10**9
    server.sizes()
    await read(ranges)
    assert server.sizes()[0] == 10_000


async def test_an_answer_of_many_series_has_few_points() -> None:
    server = Server(series=2_000)
    await read(Ranges(server.answer, 11_000), question=Question("history", "up", 2_000))
    assert set(server.sizes()[:-1]) == {VALUES // 2_000}
    await read(Ranges(server.answer, 600), WEEK.newest(1_000))
    assert server.sizes() == [600, 150, 150, 100]  # how many there are was not known before the first answer


async def test_however_many_series_there_are_parts_do_not_get_smaller_than_the_smallest() -> None:
    server = Server()
    await read(Ranges(server.answer, 11_000), WEEK.newest(100), Question("history", "up", 10 * VALUES))
    assert server.sizes() == [SMALLEST, 40]
