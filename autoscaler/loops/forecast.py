"""The forecasting loop: what is new of the load of all workloads -> one forecast a series -> kept for the scaling loop.

It runs apart from the scaling loop, which takes the newest forecast there is. A pass fits nothing: what is learnt is learnt by
the loop of `learn.py`, elsewhere. What cannot be read is not forecast; the forecasts that there are then expire by themselves.
Nothing is written to the cluster.
"""

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from autoscaler.errors import ForesailError
from autoscaler.forecasting.peaks.dates import NO_DATES
from autoscaler.forecasting.peaks.finding import told as told_of
from autoscaler.forecasting.peaks.members import Member
from autoscaler.loops.asking import ask
from autoscaler.loops.context import Context
from autoscaler.loops.dates import DatesBook, Told
from autoscaler.loops.forecast_book import (
    THE_ANSWER,
    ForecastBook,
    Series,
    series_of,
    too_short,
    unfit,
    unreadable,
    without_history,
)
from autoscaler.loops.history import Question, Source, Span, grid_floor
from autoscaler.loops.keeper import Keeper
from autoscaler.loops.member import MemberBook
from autoscaler.loops.observe import Served, parse
from autoscaler.loops.outage import Outage
from autoscaler.loops.pods import PodIndex
from autoscaler.loops.targets import workload_of
from autoscaler.model import Forecast, GateState, History, WorkloadKey

log = structlog.get_logger()

READING_S = 60.0  # of a pass for the past, the first reading of which takes several; what is read by then is kept


@dataclass(slots=True)
class ForecastLoop:
    """Fills the book."""

    context: Context
    index: PodIndex
    book: ForecastBook
    keeper: Keeper
    _members: MemberBook = field(init=False)
    _dates: DatesBook = field(init=False)
    _outage: Outage = field(default_factory=lambda: Outage("forecast"))

    def __post_init__(self) -> None:
        self._members = MemberBook(self.context.settings, self.book.leads)
        self._dates = DatesBook(self.context.settings.forecast, self.context.calendars)

    async def once(self) -> None:
        """One pass: read, forecast in a thread, keep. A replica that does not lead asks nothing and keeps no forecast."""
        served = parse(self.context.stores.autoscalers.items(), self.context.stores.hpas)[0]
        self._learn_leads(served)
        if not self.context.leads():
            self.book.forecasts = {}
            return
        await self.keeper.restore(self.context.saved)
        owners = {series: one for one in served if _is_forecast(one) for series in series_of(one)}
        failed = await self._read(owners)
        made = await self._forecast(owners, failed)
        self.book.forecasts = {series: one for series, one in self.book.forecasts.items() if series in owners} | made
        ready = sum(one.gate is GateState.OPEN for one in self.book.forecasts.values())
        log.info("forecast_pass", series=len(owners), made=len(made), gate_open=ready, questions_failed=len(failed))

    def _learn_leads(self, served: Sequence[Served]) -> None:
        """Look at the pods of all targets, leader or not: what a pod takes does not depend on who watches."""
        targets = {workload_of(one.target) for one in served if one.missing is None}
        pods = [pod for pod in self.index.look().all if pod.workload in targets]
        self.book.leads.learn(pods, self.context.clock.now_s())
        self.book.leads.keep_only(targets)
        self._members.look(pods)

    async def _read(self, owners: Mapping[Series, Served]) -> frozenset[Question]:
        """Lay what is new of every series, then some more of what is missing of the past; return what could not be asked."""
        span, wanted = self._span(owners), _places(owners)
        async with self.keeper.lock:
            asked = [series for series in owners if series.question]
            new = await self.keeper.aside(lambda: self.keeper.keep(asked, span.end_s))
        reader, until_s = self.keeper.reader, self.context.clock.monotonic_s() + READING_S
        for question, places in _places(new).items():  # others may have had the same load, which was read for them only
            reader.again(question, frozenset(places))
        sources = {question: self._source(question, places) for question, places in wanted.items()}
        newest = [partial(reader.newest, one, frozenset(places), span, sources[one]) for one, places in wanted.items()]
        errors = await self._ask(list(wanted), newest)
        well = [question for question in wanted if question not in errors]
        older = [
            partial(reader.older, one, span, sources[one], lambda: self.context.clock.monotonic_s() < until_s) for one in well
        ]
        errors |= await self._ask(well, older)
        reader.keep_only(frozenset(wanted))
        self._tell(errors, len(wanted))
        return frozenset(one for one in errors if one not in well or not reader.is_begun(one))

    async def _ask(
        self, questions: Sequence[Question], reads: Sequence[Callable[[], Awaitable[None]]]
    ) -> dict[Question, ForesailError]:
        """Return the questions that could not be asked, each with its error."""
        answers = await ask(reads, READING_S + self.context.settings.prometheus.timeout_s)
        pairs = zip(questions, answers, strict=True)
        return {question: answer for question, answer in pairs if isinstance(answer, ForesailError)}

    def _span(self, owners: Mapping[Series, Served]) -> Span:
        """Return from when to when history is wanted: as the object that looks back farthest has it."""
        step_s = float(self.context.settings.forecast.step_s)
        end_s = grid_floor(self.context.clock.now_s(), step_s)
        back_s = max((one.autoscaler.spec.forecast.history_seconds for one in owners.values()), default=0)
        return Span(grid_floor(end_s - min(back_s, self.keeper.fleet.history_s), step_s), end_s, step_s)

    def _source(self, question: Question, places: Mapping[WorkloadKey, Sequence[Series]]) -> Source[WorkloadKey]:
        """Return where the history of a question comes from, and where it goes."""

        async def fetch(span: Span, namespace: str) -> Mapping[WorkloadKey, History]:
            return await self._fetch(question, span, namespace)

        async def lay(found: Mapping[WorkloadKey, History]) -> None:
            """Lay it in a thread, as the first reading of thousands of series takes seconds."""
            laid = {series: history for owner, history in found.items() for series in places[owner]}
            async with self.keeper.lock:
                await self.keeper.aside(lambda: self.keeper.fleet.lay(laid))

        return Source(fetch, lay, lambda owner: owner.namespace)

    async def _fetch(self, question: Question, span: Span, namespace: str) -> Mapping[WorkloadKey, History]:
        metrics, start_s, end_s, step_s = self.context.metrics, span.start_s, span.end_s, span.step_s
        if question.resource:
            return await metrics.workload_history(
                question.resource, start_s=start_s, end_s=end_s, step_s=step_s, namespace=namespace
            )
        found = await metrics.query_history(question.promql, start_s=start_s, end_s=end_s, step_s=step_s)
        return {} if found is None else {THE_ANSWER: found}

    async def _forecast(self, owners: Mapping[Series, Served], failed: frozenset[Question]) -> dict[Series, Forecast]:
        """Return a forecast for each series but those whose question was not answered."""
        settings, now_s = self.context.settings, self.context.clock.now_s()
        expiry_s = settings.forecast.expiry_s
        short = {series: too_short(one, settings.forecast.step_s) for series, one in owners.items()}
        asked = {series: one for series, one in owners.items() if series.question and not short[series]}
        members, told = self._members.of(asked), self._dates.told(asked, now_s)
        async with self.keeper.lock:
            found = await self.keeper.aside(lambda: self.keeper.fleet.tick(self._with_dates(members, told))) if members else {}
        made = {series: unreadable(one, now_s, expiry_s) for series, one in owners.items() if series.question is None}
        made |= {series: unfit(owners[series], now_s, expiry_s, why) for series, why in short.items() if why}
        for series, one in found.items():
            if series.question in failed:
                continue
            whole = replace(one, is_read=self.keeper.is_read(series))
            forecast = told_of(whole, members[series].quantile, now_s, expiry_s)
            made[series] = without_history(series, forecast) if math.isinf(one.age_s) and whole.is_read else forecast
        return made

    def _with_dates(self, members: Mapping[Series, Member], told: Mapping[Series, Told]) -> dict[Series, Member]:
        """Return members with what is known beforehand of them."""
        found = self._dates.of(told, self.context.clock.now_s(), self.context.clock.monotonic_s)
        known = {series: dates for series, dates in found.items() if dates is not NO_DATES}
        return {**members, **{series: replace(members[series], dates=dates) for series, dates in known.items()}}

    def _tell(self, errors: Mapping[Question, ForesailError], questions: int) -> None:
        first = next(iter(errors.values()), None)
        is_out = len(errors) == questions
        self._outage.note(self.context, str(first) if first and is_out else None)
        if first and not is_out:
            log.warning("history_not_read", questions=sorted(map(str, errors)), error=str(first))


def _places(several: Iterable[Series]) -> dict[Question, dict[WorkloadKey, list[Series]]]:
    """Return where the answer to each question goes: the series of each owner."""
    places: dict[Question, dict[WorkloadKey, list[Series]]] = defaultdict(lambda: defaultdict(list))
    for series in several:
        if series.question:
            places[series.question][series.owner].append(series)
    return places


def _is_forecast(served: Served) -> bool:
    """Say whether anything is forecast for an object; an HPA that is not there or cannot be used has no load."""
    return served.missing is None and served.autoscaler.spec.forecast.enabled
