"""The sample app: its CPU cost is real, its queue is bounded, and it breaks only where it is told to."""

import time
from pathlib import Path

from demo.app.server import App, burn


def an_app(tmp_path: Path, **changes: float) -> App:
    return App(cost_s=0.001, warmup_s=changes.get("warmup_s", 0.0), queue_size=1, break_file=tmp_path / "broken")


def test_burning_takes_the_cpu_time_it_says() -> None:
    begin = time.thread_time()
    assert burn(0.02) >= 0.02
    assert time.thread_time() - begin >= 0.02


async def test_an_app_is_unready_until_it_is_warm(tmp_path: Path) -> None:
    assert (await an_app(tmp_path, warmup_s=60.0).answer("/ready"))[0] == 503
    assert (await an_app(tmp_path).answer("/ready"))[0] == 200


async def test_a_broken_app_stays_unready_and_alive(tmp_path: Path) -> None:
    app = an_app(tmp_path)
    (tmp_path / "broken").touch()
    assert (await app.answer("/ready"))[0] == 503
    assert (await app.answer("/live"))[0] == 200


async def test_what_does_not_fit_in_the_queue_is_refused_and_counted(tmp_path: Path) -> None:
    app = an_app(tmp_path)
    app.waiting = 1
    assert (await app.answer("/"))[0] == 503
    app.waiting = 0
    assert (await app.answer("/"))[0] == 200
    metrics = (await app.answer("/metrics"))[1]
    assert "app_requests_arrived_total 2" in metrics
    assert "app_requests_refused_total 1" in metrics
