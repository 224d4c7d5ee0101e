"""The forecasting loop: one query a resource for the history of all workloads -> forecasts of all -> kept for the scaling loop.

It runs apart from the scaling loop, which takes the newest forecast there is and is never delayed by a fit. What cannot be
read is not forecast; the forecasts that there are then expire by themselves. Nothing is written to the cluster.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import structlog

from autoscaler.errors import ForesailError
from autoscaler.forecasting.fleet import forecast
from autoscaler.forecasting.types import Request
from autoscaler.loops.asking import ask
from autoscaler.loops.context import Context
from autoscaler.loops.forecast_book import THE_ANSWER, ForecastBook, Series, series_of, unreadable, without_history
from autoscaler.loops.history import HistoryBook, Question, Span, grid_floor, since
from autoscaler.loops.leads import lead_s
from autoscaler.loops.observe import Served, parse
from autoscaler.loops.outage import Outage
from autoscaler.loops.pods import PodIndex
from autoscaler.loops.targets import workload_of
from autoscaler.model import Forecast, GateState, History, WorkloadKey

log = structlog.get_logger()

READING_S = 300.0  # for the histories of a pass, the first of which reads weeks; what is read by then is kept for the next

Histories = Mapping[WorkloadKey, History]


@dataclass(slots=True)
class ForecastLoop:
    """Fills the book."""

    context: Context
    index: PodIndex
    book: ForecastBook
    _histories: HistoryBook[WorkloadKey] = field(default_factory=HistoryBook)
    _outage: Outage = field(default_factory=lambda: Outage("forecast"))
    # One thread: a pass that is cut off cannot stop its fit, and several at once would take the CPU from the event loop.
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="forecast"))

    async def once(self) -> None:
        """One pass: read, forecast in a thread, keep. A replica that does not lead asks nothing and keeps no forecast."""
        served = parse(self.context.stores.autoscalers.items(), self.context.stores.hpas)[0]
        self._learn_leads(served)
        if not self.context.leads():
            self.book.forecasts = {}
            return
        owners = {series: one for one in served if _is_forecast(one) for series in series_of(one)}
        answers = await self._read(owners)
        errors = {question: answer for question, answer in answers.items() if isinstance(answer, ForesailError)}
        histories = {question: answer for question, answer in answers.items() if not isinstance(answer, ForesailError)}
        self._tell(errors, histories)
        made = await self._forecast(owners, histories)
        old = {series: one for series, one in self.book.forecasts.items() if series in owners}
        self.book.forecasts = old | made
        ready = sum(one.gate is GateState.OPEN for one in self.book.forecasts.values())
        log.info("forecast_pass", series=len(owners), made=len(made), gate_open=ready, questions_failed=len(errors))

    def _learn_leads(self, served: Sequence[Served]) -> None:
        """Look at the pods of all targets, leader or not: what a pod takes does not depend on who watches."""
        targets = {workload_of(one.target) for one in served if one.missing is None}
        pods = (pod for pod in self.index.look().all if pod.workload in targets)
        self.book.leads.learn(pods, self.context.clock.now_s())
        self.book.leads.keep_only(targets)

    async def _read(self, owners: Mapping[Series, Served]) -> dict[Question, Histories | ForesailError]:
        """Return the answer to every question that a series needs, or the error in place of one."""
        step_s = float(self.context.settings.forecast.step_s)
        end_s = grid_floor(self.context.clock.now_s(), step_s)
        back_s = max((one.autoscaler.spec.forecast.history_seconds for one in owners.values()), default=0)
        span = Span(grid_floor(end_s - back_s, step_s), end_s, step_s)
        wanted: dict[Question, set[WorkloadKey]] = {}
        for series in owners:
            if series.question:
                wanted.setdefault(series.question, set()).add(series.owner)

        async def read(question: Question) -> Histories:
            async def fetch(part: Span) -> Histories:
                return await self._fetch(question, part)

            return await self._histories.read(question, frozenset(wanted[question]), span, fetch)

        answers = await ask([partial(read, question) for question in wanted], READING_S)
        self._histories.keep_only(frozenset(wanted))
        return dict(zip(wanted, answers, strict=True))

    async def _fetch(self, question: Question, span: Span) -> Histories:
        metrics, start_s, end_s, step_s = self.context.metrics, span.start_s, span.end_s, span.step_s
        if question.resource:
            return await metrics.workload_history(question.resource, start_s=start_s, end_s=end_s, step_s=step_s)
        found = await metrics.query_history(question.promql, start_s=start_s, end_s=end_s, step_s=step_s)
        return {} if found is None else {THE_ANSWER: found}

    async def _forecast(
        self, owners: Mapping[Series, Served], histories: Mapping[Question, Histories]
    ) -> dict[Series, Forecast]:
        """Return a forecast for each series but those whose question was not answered."""
        settings, now_s = self.context.settings, self.context.clock.now_s()
        expiry_s = settings.forecast.expiry_s
        empty = History(grid_floor(now_s, settings.forecast.step_s), float(settings.forecast.step_s), np.empty(0))
        wanted = [series for series in owners if series.question in histories]
        requests = [
            self._request(owners[series], histories[series.question].get(series.owner, empty))
            for series in wanted
            if series.question
        ]
        previous = [self.book.forecasts.get(series) for series in wanted]
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._thread, forecast, requests, previous, now_s, expiry_s) if requests else ()
        told = [
            one if series.owner in histories[series.question] else without_history(series, one)
            for series, one in zip(wanted, made, strict=True)
            if series.question
        ]
        shut = {series: unreadable(one, now_s, expiry_s) for series, one in owners.items() if series.question is None}
        return dict(zip(wanted, told, strict=True)) | shut

    def _request(self, served: Served, history: History) -> Request:
        spec = served.autoscaler.spec
        seasons = None if isinstance(spec.forecast.seasons, str) else tuple(map(float, spec.forecast.seasons))
        return Request(
            history=since(history, history.end_s - spec.forecast.history_seconds),
            lead_s=lead_s(spec, self.book.ready_s(served.target), self.context.settings),
            risk=spec.forecast.risk,
            seasons_s=seasons,
        )

    def _tell(self, errors: Mapping[Question, ForesailError], histories: Mapping[Question, Histories]) -> None:
        first = next(iter(errors.values()), None)
        self._outage.note(self.context, str(first) if first and not histories else None)
        if first and histories:
            log.warning("history_not_read", questions=sorted(map(str, errors)), error=str(first))


def _is_forecast(served: Served) -> bool:
    """Say whether anything is forecast for an object; an HPA that is not there or cannot be used has no load."""
    return served.missing is None and served.autoscaler.spec.forecast.enabled
