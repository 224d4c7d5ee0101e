"""Put the service together from its settings: the one place that knows every part.

It is apart from `cli` so that the command line starts where the packages of the service are not installed.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from autoscaler import __version__
from autoscaler.api import forecast_days
from autoscaler.board import Board
from autoscaler.clients.calendars.folder import CalendarFolder
from autoscaler.clients.kube.client import KubeClient, open_client
from autoscaler.clients.kube.elector import Elector, own_namespace
from autoscaler.clients.kube.reflector import Pace, Reflector
from autoscaler.clients.kube.resources import (
    DAEMON_SETS,
    DEPLOYMENTS,
    HEALING_POLICIES,
    HORIZONTAL_POD_AUTOSCALERS,
    NODES,
    PODS,
    PREDICTIVE_AUTOSCALERS,
    REPLICA_SETS,
    SCALED_OBJECTS,
    STATEFUL_SETS,
    Resource,
    trim_hpa,
    trim_metadata,
    trim_node,
    trim_pod,
    trim_replica_set,
    trim_scaled_object,
    trim_workload,
)
from autoscaler.clients.notify.webhook import WebhookNotifier
from autoscaler.clients.ports import Json, Store
from autoscaler.clients.prometheus import PrometheusMetrics
from autoscaler.clients.saved import SavedState
from autoscaler.clients.saved_format import TooLarge
from autoscaler.clients.workers import open_workers
from autoscaler.clock import Clock, SystemClock
from autoscaler.errors import Temporary
from autoscaler.loops.context import Context, Stores
from autoscaler.loops.curves import Curves
from autoscaler.loops.forecast import ForecastLoop
from autoscaler.loops.forecast_book import ForecastBook
from autoscaler.loops.heal import HealLoop
from autoscaler.loops.keeper import Keeper
from autoscaler.loops.learn import LearnLoop
from autoscaler.loops.merged import MergedStore
from autoscaler.loops.pods import PodIndex
from autoscaler.loops.run import Heartbeat, Loop, Runner, Service, run
from autoscaler.loops.scale import ScaleLoop
from autoscaler.settings import Settings
from autoscaler.telemetry import BUILD, WATCH_AGE
from autoscaler.web import app as web

# A watch tells that it is alive about once a minute, and shortly before its own end. Healing wants word within 30 s, so watches
# are made to end sooner than that; opening one anew costs the API server next to nothing.
PACE = Pace(watch_s=(15.0, 25.0))
FORECAST_DEADLINE_S = 300.0  # a pass that reads weeks of a large fleet may take minutes
LEARN_PERIOD_S = 1.0  # to see whether something is to be learnt
LESSON_DEADLINE_S = 1800.0
SAVING_DEADLINE_S = 300.0

Trim = Callable[[Json], Json]


@dataclass(frozen=True, slots=True)
class _Caches:
    """All caches, and what keeps each of them fresh."""

    stores: Stores
    reflectors: tuple[Reflector, ...]


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT; raises the first error of a part that cannot go on."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with assembled(settings, stop) as (service, runner):
        await run(service, runner)


@asynccontextmanager
async def assembled(settings: Settings, stop: asyncio.Event) -> AsyncIterator[tuple[Service, Runner]]:
    """Make all parts and connect them; ends their connections in the end. Nothing is sent before `run`.

    Raises InvalidSettings or Permanent when a part cannot be made from the settings.
    """
    forecast_days.check(settings.forecast)
    clock = SystemClock()
    notifier = WebhookNotifier(settings.notify, clock=clock)
    workers = open_workers(settings.forecast, clock)
    namespace = own_namespace(settings.leader_election) if settings.leader_election.enabled else ""
    client = await open_client(settings.kubernetes)
    metrics = PrometheusMetrics(settings.prometheus, settings.forecast)
    try:
        elector = Elector(client, settings.leader_election, namespace, clock=clock)
        caches = _caches(client, settings.kubernetes.namespaces, clock)
        board = Board(version=__version__, started_s=clock.now_s(), acts_enabled=settings.acts)
        BUILD.info({"version": __version__})
        calendars = CalendarFolder(settings.scaling.calendar_folder)
        context = Context(
            client,
            metrics,
            notifier,
            caches.stores,
            clock,
            settings,
            board,
            elector.is_leader,
            calendars,
            workers,
            SavedState(settings.forecast.saved_folder),
        )
        heart = Heartbeat(clock)
        book, keeper = ForecastBook(), Keeper.of(settings.forecast)
        waiting, curves = partial(_waiting, caches.stores), Curves(book, keeper)
        site = web.build(web.Sources(board, clock, elector.is_leader, heart.alive, waiting, curves.rows))
        service = Service(
            loops=_loops(context, book, keeper),
            background=(
                heart.run,
                partial(web.serve, site, settings.web),
                *(reflector.run for reflector in caches.reflectors),
            ),
            notify=notifier.run,
            drain=notifier.stop,
            elect=elector.run,
            ready=caches.stores.synced,
        )
        yield service, Runner(clock, board, stop)
    finally:
        await workers.close()
        metrics.close()
        await client.close()


def _loops(context: Context, book: ForecastBook, keeper: Keeper) -> tuple[Loop, ...]:
    settings = context.settings
    index = PodIndex(context.stores.pods, context.stores.replica_sets)
    return (
        Loop("scale", ScaleLoop(context, index, book).once, settings.scaling.sync_period_s),
        Loop("heal", HealLoop(context, index).once, settings.healing.sync_period_s),
        Loop("forecast", ForecastLoop(context, index, book, keeper).once, settings.forecast.refresh_s, FORECAST_DEADLINE_S),
        *_saving(context, keeper),
        Loop("learn", LearnLoop(context, keeper).once, LEARN_PERIOD_S, LESSON_DEADLINE_S),
    )


def _saving(context: Context, keeper: Keeper) -> tuple[Loop, ...]:
    """Return the loop that saves what was learnt, where there is a folder for it."""
    settings = context.settings.forecast

    async def once() -> None:
        if not context.leads() or not keeper.is_restored:
            return
        try:
            await keeper.save(context.saved)
        except TooLarge as error:  # it will not fit a moment later either
            raise Temporary(str(error), retry_after_s=settings.saved_every_s) from error

    return (Loop("save", once, settings.saved_every_s, SAVING_DEADLINE_S),) if settings.saved_folder else ()


def _caches(client: KubeClient, namespaces: Sequence[str], clock: Clock) -> _Caches:
    reflectors: list[Reflector] = []

    def store(resource: Resource, trim: Trim = trim_metadata, *, optional: bool = False) -> Store:
        """Make a cache of one kind: one for the whole cluster, or one a namespace."""
        wanted: Sequence[str | None] = (namespaces or (None,)) if resource.namespaced else (None,)
        made = [Reflector(client, resource, one, trim=trim, optional=optional, clock=clock, pace=PACE) for one in wanted]
        reflectors.extend(made)
        if len(made) == 1:
            return made[0]
        merged = MergedStore(tuple(made))
        WATCH_AGE.labels(resource.plural).set_function(merged.age_s)  # of all namespaces, not of the last one
        return merged

    stores = Stores(
        autoscalers=store(PREDICTIVE_AUTOSCALERS),
        policies=store(HEALING_POLICIES),
        pods=store(PODS, trim_pod),
        replica_sets=store(REPLICA_SETS, trim_replica_set),
        nodes=store(NODES, trim_node),
        workloads={kind.kind: store(kind, trim_workload) for kind in (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)},
        hpas=store(HORIZONTAL_POD_AUTOSCALERS, trim_hpa),
        scaled_objects=store(SCALED_OBJECTS, trim_scaled_object, optional=True),
    )
    return _Caches(stores, tuple(reflectors))


def _waiting(stores: Stores) -> list[str]:
    return [name for name, store in stores.named().items() if not store.synced]
