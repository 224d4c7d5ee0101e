"""The HPA of a replay on recorded load, against figures that were computed apart from this project."""

from pathlib import Path

import pytest

from autoscaler.replay import csv_file
from autoscaler.replay.score import score
from autoscaler.replay.stage import Setting, Wanted, staged
from autoscaler.replay.walk import clairvoyant, walk

TRACES = Path(__file__).resolve().parents[3].parent / "shared" / "traces"
LOST_BP = {"nab_elb_requests_5min": 592.672, "ms_mongo_machine01_rps": 7.039, "nab_asg_cpu_hourly_batch": 109.951}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LOST_BP))
def test_the_hpa_loses_what_it_loses_elsewhere(name: str) -> None:
    path = TRACES / f"{name}.csv.gz"
    if not path.is_file():
        pytest.skip(f"the recorded series are not beside this checkout: {TRACES}")
    stage, setting = staged(csv_file.read(path), Wanted()), Setting()
    assert score(stage, walk(stage, setting)).lost_bp == pytest.approx(LOST_BP[name], abs=0.0006)
    least = score(stage, clairvoyant(stage, setting))
    assert least.lost_bp == 0
    assert least.pod_hours >= stage.load[stage.scored :].sum() * 15 / 3600
