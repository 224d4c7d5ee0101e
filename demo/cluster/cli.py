"""The command line of the embedded cluster: `python -m demo.cluster up | status | logs | forward | kubectl | down | clean`."""

import os
from typing import Annotated

import typer
from rich.console import Console

from demo.cluster import machine, packages
from demo.cluster.cache import Cache
from demo.cluster.cluster import Cluster
from demo.cluster.logs import log_names, read_log
from demo.cluster.mounts import unmount_under
from demo.cluster.prepare import prepare
from demo.cluster.report import Reporter, reporter_for
from demo.cluster.standing import describe, standing_cluster
from demo.cluster.state import machine_lock
from demo.cluster.takedown import take_down

app = typer.Typer(
    help="A real single-node Kubernetes in a network namespace of its own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# A take-down under way is over in a second or two; a start may take minutes, and is not waited for.
_DOWN_PATIENCE_S = 10


@app.command("prepare")
def prepare_command(
    if_fit: Annotated[bool, typer.Option("--if-fit", help="Where the cluster cannot run, say why and end well")] = False,
) -> None:
    """Fetch and build what a first start needs: about eight minutes on two cores, afterwards nothing."""
    cache = Cache.locate()
    if standing_cluster() is None:
        wrong = machine.what_is_wrong(machine.look(cache))
        if wrong and if_fit:
            print("The embedded cluster cannot run here, tests that need it are skipped: " + "; ".join(wrong))
            return
        machine.check(cache)
    prepare(cache, _reporter())


@app.command()
def up(
    keep: Annotated[bool, typer.Option(help="Leave a cluster that fails to start as it is, to look into")] = False,
) -> None:
    """Start the cluster and leave it running."""
    cluster = Cluster.start(reporter=_reporter(), keep_failed=keep)
    cluster.keep()
    print(describe(cluster.layout.run, cluster.state))


@app.command()
def status() -> None:
    """Say what runs; status 3 when no cluster does."""
    found = standing_cluster()
    if found is None:
        print("no embedded cluster runs on this machine")
        raise typer.Exit(3)
    print(describe(*found))
    cluster = Cluster.attach()
    for one, alive in cluster.processes():
        about = one.address or f"log {one.log}"
        print(f"  {one.name:28} pid {one.pid:<8} {'runs' if alive else 'ENDED'}  {about}")
    print(cluster.kubectl("get", "nodes,pods", "--all-namespaces").rstrip())


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="Whose log; without it, the names are listed")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines")] = 50,
) -> None:
    """Show the end of a process's log, of the last cluster when none runs."""
    found = standing_cluster()
    folder = found[0] / "logs" if found else Cache.locate().logs / "last-run"
    if name:
        print(read_log(folder, name, lines))
    else:
        print("\n".join(log_names(folder)) or f"there are no logs in {folder}")


@app.command()
def forward(
    address: Annotated[str, typer.Argument(help="An address inside the cluster: of a pod, a Service or the node")],
    port: Annotated[int, typer.Argument(help="The port there", min=1, max=65535)],
    local_port: Annotated[int, typer.Argument(help="The port on this machine; 0 takes a free one", min=0)] = 0,
) -> None:
    """Open a port of 127.0.0.1 that leads inside, until the cluster ends."""
    number = Cluster.attach().forward(address, port, local_port)
    print(f"127.0.0.1:{number} leads to {address}:{port}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def kubectl(context: typer.Context) -> None:
    """Run the cluster's own kubectl as administrator."""
    _become("kubectl", context.args)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def helm(context: typer.Context) -> None:
    """Run the cluster's own helm as administrator."""
    _become("helm", context.args)


@app.command()
def down() -> None:
    """Take down the cluster that runs, or what a killed run left behind."""
    cache = Cache.locate()
    with machine_lock(patience_s=_DOWN_PATIENCE_S) as pointer:
        run_folder = pointer.read() or cache.run
        there = run_folder.exists()
        take_down(Cache(run_folder.parent), run_folder, pointer)
    print("the cluster was taken down" if there else "no embedded cluster runs on this machine")


@app.command()
def clean() -> None:
    """Take down the cluster, purge the packages that were installed for it, remove the cache: nothing of ours stays."""
    cache = Cache.locate()
    if not cache.root.exists():
        print(f"there is nothing to remove: {cache.root} does not exist")
        return
    with machine_lock(patience_s=_DOWN_PATIENCE_S) as pointer:
        # A cluster in another cache is somebody else's: it neither ends nor loses the packages that it runs on.
        elsewhere = pointer.read() not in {None, cache.run}
        if elsewhere:
            print(f"the cluster in {pointer.read()} goes on, and the Debian packages stay for it")
        else:
            take_down(cache, cache.run, pointer)
            packages.purge(cache, _reporter())
        unmount_under(cache.root)
        cache.remove()
    print(f"{cache.root} was removed")


def _reporter() -> Reporter:
    return reporter_for(Console(stderr=True))


def _become(tool: str, words: list[str]) -> None:
    cluster = Cluster.attach()
    program = cluster.layout.bin / tool
    os.execve(program, [tool, *words], {**os.environ, **cluster.env})  # noqa: S606 - no shell on purpose
