"""One run: containerd, the kubelet with its static pods, and scrapes of kubelet and exporter side by side."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from demo.vm.guest import cgroups, scrape, workload
from demo.vm.guest.init import OUT, PLAN
from demo.vm.guest.relay import serve
from demo.vm.guest.scrape import Kubelet, Scraper

Json = dict[str, Any]
_LOOK_S = 1.0
_HELD_BYTES = 20 << 20
_HOLD_S = 60.0


class SessionError(Exception):
    """The machine did not come as far as it should; the message says with what."""


def main() -> None:
    """Run, and leave a word about how it went in any case."""
    plan = json.loads(PLAN.read_text(encoding="utf-8"))
    marks: dict[str, float] = {}
    told: Json = {"ok": False, "marks": marks}
    try:
        _run(plan, marks, told)
        told["ok"] = True
    except Exception as error:  # noqa: BLE001 - whatever it was has to leave the machine
        told["error"] = f"{type(error).__name__}: {error}"
    (OUT / "session.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    _say(f"session {'ended well' if told['ok'] else told['error']}")


def _run(plan: Json, marks: dict[str, float], told: Json) -> None:
    def mark(name: str) -> None:
        marks[name] = round(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]), 1)
        _say(f"{marks[name]} s: {name}")

    mark("session starts")
    _call(["mkswap", plan["swap"]])
    _call(["swapon", plan["swap"]])
    _spawn("containerd", plan["containerd"])
    _wait(Path(plan["containerd_socket"]).exists, plan["deadline_s"], "containerd's socket")
    for archive in plan["images"]:
        _call([*plan["import"], archive])
    mark("images are there")
    threading.Thread(target=workload.sink, args=(plan["sink_port"],), daemon=True).start()
    kubelet = Kubelet(plan["kubelet_address"], Path(plan["pki"]))
    _spawn("kubelet", plan["kubelet"])
    _wait(kubelet.is_up, plan["deadline_s"], "the kubelet to answer")
    mark("the kubelet answers")
    serve(kubelet, plan["relay_address"], Path(plan["pki"]))
    told["pods"] = _wait(lambda: _running(kubelet, plan["pods"]), plan["deadline_s"], "every pod to run")
    _push_out(kubelet, plan["swapped"])
    mark("every pod runs")
    scraper = Scraper(kubelet, told["pods"][plan["exporter"]], plan["exporter_port"], OUT / "scrapes")
    scraper.folder.mkdir()
    _wait(scraper.is_up, plan["deadline_s"], "the exporter to answer")
    mark("the exporter answers")
    _wait(lambda: scraper.kubelet_knows(plan["containers"]), plan["deadline_s"], "the kubelet to have seen every container")
    mark("the kubelet has seen every container")
    told["kernel"] = os.uname().release
    told["cgroups"] = [
        line.split()[:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if "cgroup" in line
    ]
    told["exporter_status"] = scrape.status_of("exporters.entry")
    scraper.go(plan["scrape_s"], plan["round_s"], plan["kubelet_round_s"])
    mark("scraped")
    _everything(plan, scraper)
    mark("an exporter with every collector was scraped")
    told["kubelet_pods"] = kubelet.pods()
    told["exporter_status_at_end"] = scrape.status_of("exporters.entry")


def _everything(plan: Json, scraper: Scraper) -> None:
    """Scrape an exporter that runs every collector it has once, as a plain process without rights."""
    log = (OUT / "everything.log").open("wb")
    env = {**os.environ, "PYTHONPATH": plan["everything_path"]}
    with log, subprocess.Popen(plan["everything"], env=env, stdout=log, stderr=log, user=plan["uid"], group=plan["uid"]) as run:
        host, port = plan["everything_address"]
        other = Scraper(scraper.kubelet, host, port, scraper.folder)
        _wait(other.is_up, plan["deadline_s"], "the exporter with every collector to answer")
        scraper.once(other, "everything")
        run.terminate()


def _running(kubelet: Kubelet, names: Sequence[str]) -> Json | None:
    """Return the address of each pod once all of them have a running container."""
    found = {}
    for pod in kubelet.pods():
        statuses = pod["status"].get("containerStatuses", [])
        if statuses and all("running" in one["state"] or one["restartCount"] for one in statuses):
            found[pod["metadata"]["name"].removesuffix("-node1")] = pod["status"].get("podIP", "")
    return found if set(names) <= set(found) else None


def _push_out(kubelet: Kubelet, name: str) -> None:
    """Have the kernel move memory of a container to the swap, once it holds some."""
    statuses = (one for pod in kubelet.pods() for one in pod["status"]["containerStatuses"])
    container_id = next(one["containerID"].partition("://")[2] for one in statuses if one["name"] == name)
    cgroup = cgroups.memory_of(container_id)
    _wait(lambda: cgroups.anonymous_bytes(cgroup) > _HELD_BYTES, _HOLD_S, f"{name} to hold its memory")
    cgroups.push_out(cgroup)


def _wait(condition: Callable[[], Any], deadline_s: float, what: str) -> Any:  # noqa: ANN401 - what the condition gives
    end_s = time.monotonic() + deadline_s
    while True:
        if found := condition():
            return found
        if time.monotonic() > end_s:
            raise SessionError(f"waited for {what} for {deadline_s:.0f} s in vain")
        time.sleep(_LOOK_S)


def _spawn(name: str, argv: Sequence[str]) -> None:
    """Start a service in cgroups of its own, as systemd would."""
    log = os.open(OUT / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    enter = "; ".join(f"echo $$ > {shlex.quote(str(file))}" for file in cgroups.service(name))
    words = ["/bin/sh", "-c", f'set -e; {enter}; exec "$@"', name, *argv]
    subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _call(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SessionError(f"{' '.join(argv)} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")


def _say(text: str) -> None:
    print(f"foresail: {text}", file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
