"""The command line of the virtual machine: `python -m demo.vm prepare | run`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from demo.cluster.cache import Cache
from demo.cluster.errors import UnfitMachineError
from demo.cluster.report import reporter_for
from demo.parity.report import as_json, faults
from demo.vm.fit import what_is_wrong
from demo.vm.inputs import Schedule
from demo.vm.qemu import Accelerator
from demo.vm.run import DEFAULT_CPUS, Options, boot, prepare
from demo.vm.verdicts import judge, load

app = typer.Typer(help="A real kubelet on a kernel with cgroup v2 alone.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.command("prepare")
def prepare_command(
    if_fit: Annotated[bool, typer.Option("--if-fit", help="Where the machine cannot run, say why and end well")] = False,
) -> None:
    """Fetch the kernel and make the disk: about a minute, afterwards nothing."""
    cache = Cache.locate()
    if wrong := what_is_wrong(cache):
        if not if_fit:
            raise UnfitMachineError("the virtual machine cannot run here:\n" + "\n".join(f"- {one}" for one in wrong))
        print("The virtual machine cannot run here, tests that need it are skipped: " + "; ".join(wrong))
        return
    try:
        prepare(cache, reporter_for(Console(stderr=True)))
    except UnfitMachineError as error:
        if not if_fit:
            raise
        print(f"The virtual machine cannot be prepared, tests that need it are skipped: {error}")


@app.command()
def run(
    out: Annotated[Path, typer.Argument(help="Folder that takes what the machine brings back")],
    accelerator: Annotated[Accelerator | None, typer.Option(help="Without it, what works is found out")] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="Processors of the machine")] = None,
    hybrid: Annotated[bool, typer.Option("--hybrid", help="Version 1 with version 2 beside it, not version 2 alone")] = False,
) -> None:
    """Boot the machine once and keep what it brought back."""
    options = Options(accelerator, cpus or DEFAULT_CPUS, Schedule(is_hybrid=hybrid))
    result = boot(Cache.locate(), reporter_for(Console(stderr=True)), out, options)
    verdicts = judge(load(out), result.session["kernel"], 1 if hybrid else 2)
    (out / "report.json").write_text(json.dumps(as_json(verdicts), indent=1), encoding="utf-8")
    print(f"{result.accelerator.value}, {result.took_s:.1f} s; {out} holds what came back, {out / 'report.json'} what it says")
    print(faults(verdicts) or "the exporter and the kubelet differ in nothing but what is on purpose")
