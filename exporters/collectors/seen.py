"""When each container was last seen, and whether all of them could be.

Prometheus marks a series as ended when its cgroup is gone, so both are here for dashboards and alerts that were written
for the kubelet's metrics.
"""

from __future__ import annotations

from exporters.collectors.contract import Collector, Family, Kind, Scrape

LAST_SEEN = Family(
    "container_last_seen",
    Kind.GAUGE,
    "When the cgroup was last there, in seconds since 1970 (the exporter's clock at this scrape).",
)
SCRAPE_ERROR = Family(
    "container_scrape_error",
    Kind.GAUGE,
    "1 if a folder of the cgroup tree could not be listed, so that containers may be missing; 0 otherwise "
    "(the walk of the v1 or v2 tree).",
)


def collect(scrape: Scrape) -> None:
    """Write the same moment for every cgroup that is still there."""
    now_s = int(scrape.now_s)
    word = b"%d" % now_s
    scrape.add(LAST_SEEN, [None if target.is_gone else word for target in scrape.targets])
    if scrape.root is not None:
        scrape.samples.add(LAST_SEEN, scrape.root.labels, now_s)
    scrape.samples.add(SCRAPE_ERROR, "", int(not scrape.is_complete))


COLLECTOR = Collector(
    name="seen",
    help="When each container was last seen, and whether the whole tree could be listed",
    families=(LAST_SEEN, SCRAPE_ERROR),
    collect=collect,
)
