"""What the virtual machine is put together from, without booting it."""

import io
import json
import marshal
import tarfile
from pathlib import Path

import pytest

from demo.cluster.cache import Cache
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.report import QuietReporter, Step
from demo.vm import initramfs, kernel, pods
from demo.vm.fit import what_is_wrong
from demo.vm.inputs import Schedule, compiled, write_inputs
from demo.vm.kernel import Kernel
from demo.vm.places import CODE
from demo.vm.qemu import Accelerator, Limits, Machine, StalledError, choose, start_afresh
from demo.vm.run import Options, VmError, boot
from exporters.collectors import REGISTERED


@pytest.fixture
def parts(tmp_path: Path) -> Kernel:
    """A kernel of three files."""
    (tmp_path / "modules").mkdir()
    for name in ("vmlinuz", "busybox", "modules/00-virtio.ko"):
        (tmp_path / name).write_bytes(name.encode())
    return Kernel(tmp_path / "vmlinuz", tmp_path / "busybox", (tmp_path / "modules" / "00-virtio.ko",))


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Read a cpio archive (newc) as the kernel does."""
    found: dict[str, bytes] = {}
    at = 0
    while archive[at : at + 6] == b"070701":
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        size, name_size = fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        at += (110 + name_size + 3) & ~3
        found[name] = archive[at : at + size]
        at += (size + 3) & ~3
    assert at == len(archive)
    return found


def test_a_module_comes_after_those_that_it_needs() -> None:
    needs = {"bridge": ["llc", "stp"], "stp": ["llc"], "llc": [], "veth": []}
    assert kernel.load_order(["bridge", "ext4", "veth"], needs) == ["llc", "stp", "bridge", "veth"]


@pytest.mark.parametrize(
    ("section", "names"),
    [
        (b"\0license=GPL\0depends=virtio,virtio-ring\0retpoline=Y\0", ("virtio", "virtio_ring")),
        (b"\0depends=\0", ()),
        (b"", ()),
    ],
)
def test_what_a_module_needs_is_read_from_it(section: bytes, names: tuple[str, ...]) -> None:
    assert kernel.parse_needs(b"\x7fELF" + section) == names


def test_the_kernels_own_package_is_found_behind_the_one_that_names_the_newest() -> None:
    text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n"
    assert kernel.parse_dependency(text) == "linux-image-6.1.0-56-cloud-amd64"
    with pytest.raises(ClusterError, match="apt knows no kernel"):
        kernel.parse_dependency("linux-image-cloud-amd64\n")


def test_the_first_file_system_holds_a_script_and_what_it_runs(parts: Kernel) -> None:
    files = unpacked(initramfs.build(parts))
    assert files["init"].startswith(b"#!/bin/busybox sh\n")
    assert files["bin/busybox"] == b"busybox"
    assert files["modules/00-virtio.ko"] == b"modules/00-virtio.ko"
    assert "TRAILER!!!" in files


def test_only_the_root_disk_is_a_copy_that_vanishes(parts: Kernel, tmp_path: Path) -> None:
    disks = tuple(tmp_path / name for name in ("root", "in", "out"))
    argv = [str(word) for word in Machine(Accelerator.TCG, parts, tmp_path / "initramfs", tmp_path / "console", disks).argv]
    drives = [argv[number + 1] for number, word in enumerate(argv) if word == "-drive"]
    assert [("snapshot=on" in drive, drive.split(",")[0]) for drive in drives] == [
        (True, f"file={tmp_path}/root"),
        (False, f"file={tmp_path}/in"),
        (False, f"file={tmp_path}/out"),
    ]
    assert "-nodefaults" in argv, "no network device either"
    assert "psi=1" in argv[argv.index("-append") + 1]


def test_whether_hardware_virtualization_works_is_found_out_once(tmp_path: Path) -> None:
    verdict, kvm = tmp_path / "verdict", tmp_path / "kvm"
    answers = [True]
    assert choose(verdict, answers.pop, kvm) is Accelerator.TCG, "there is no such device"
    assert not verdict.exists()
    kvm.touch()
    assert choose(verdict, answers.pop, kvm) is Accelerator.KVM
    assert choose(verdict, answers.pop, kvm) is Accelerator.KVM, "the answer was kept, a second one would be missing"


def test_a_device_that_does_not_work_is_not_used(tmp_path: Path) -> None:
    kvm = tmp_path / "kvm"
    kvm.touch()
    assert choose(tmp_path / "verdict", lambda: False, kvm) is Accelerator.TCG


def test_the_exporter_has_the_rights_and_mounts_of_the_chart() -> None:
    chart = Path(__file__).parents[3] / "helm" / "foresail" / "templates"
    daemonset = (chart / "daemonset.yaml").read_text(encoding="utf-8")
    spec = pods.exporter()["spec"]
    (container,) = spec["containers"]
    mounts = {one["mountPath"]: one["readOnly"] for one in container["volumeMounts"]}
    for path in ("/host/proc", "/host/sys/fs/cgroup", "/host/var/log/containers"):
        assert f"mountPath: {path}, readOnly: true" in daemonset
        assert mounts[path] is True
    assert spec["securityContext"]["runAsUser"] == pods.UID
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    helpers = (chart / "_helpers.tpl").read_text(encoding="utf-8")
    for line in ("runAsUser: 65534", "capabilities: {drop: [ALL]}", "allowPrivilegeEscalation: false"):
        assert line in helpers
    assert not spec.get("hostPID")
    assert not spec.get("hostNetwork")


def test_there_is_a_pod_of_every_quality_of_service() -> None:
    resources = {pod["metadata"]["name"]: [one["resources"] for one in pod["spec"]["containers"]] for pod in pods.all_pods()}
    (guaranteed,) = resources["guaranteed"]
    assert guaranteed["limits"] == guaranteed["requests"]
    assert resources["besteffort"] == [{}]
    assert len(set(pods.containers_of(pods.all_pods()))) == len(pods.containers_of(pods.all_pods())), "told apart by name"


def test_what_goes_in_has_the_code_the_configuration_and_the_pods(tmp_path: Path) -> None:
    target = tmp_path / "in.tar"
    write_inputs(target, tmp_path, Schedule(), [collector.name for collector in REGISTERED])
    with tarfile.open(target) as archive:
        names = set(archive.getnames())
        plan = json.load(archive.extractfile(f".{CODE}/plan.json") or io.BytesIO())
        kubelet = json.load(archive.extractfile("./var/lib/foresail/config/kubelet.yaml") or io.BytesIO())
        owners = {(member.uid, member.gid) for member in archive.getmembers()}
    assert {f".{CODE}/exporters/entry.py", f".{CODE}/demo/vm/guest/init.py", "./var/lib/foresail/pods/exporter.json"} <= names
    assert "victim" not in plan["containers"], "it may be gone whenever the kubelet looks"
    assert set(plan["pods"]) == {pod["metadata"]["name"] for pod in pods.all_pods()}
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert owners == {(0, 0)}


def test_compiled_code_is_the_modules_own(tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text("ANSWER = 6 * 7\n")
    scope: dict[str, object] = {}
    exec(marshal.loads(compiled(source)[16:]), scope)  # noqa: S102, S302 - written just now
    assert scope["ANSWER"] == 42


def test_a_machine_that_was_not_prepared_says_so(tmp_path: Path) -> None:
    with pytest.raises(VmError, match=r"python -m demo\.vm prepare"):
        boot(Cache(tmp_path), QuietReporter(), tmp_path / "out", Options())


def test_everything_that_is_missing_is_said(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 1048576 kB\nMemAvailable: 524288 kB\n")
    wrong = what_is_wrong(Cache(tmp_path / "cache"), meminfo)
    assert any("demo.cluster prepare" in one for one in wrong)
    assert any("0.5 GiB of memory are free and 3 GiB are needed" in one for one in wrong)


# Stands for qemu: notes each start, and is silent in the first ones.
STALLS = """\
cd "$TMPDIR"; echo start >> starts; echo written >> out.img
[ "$(wc -l < starts)" -gt {times} ] || exec sleep 1000
for second in 1 2 3; do sleep 0.4; echo a word >> console.log; done
"""


def a_program(folder: Path, script: str) -> Path:
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("accelerator", "times"), [("tcg", 1), ("tcg", 2), ("kvm", 1)])
def test_a_machine_whose_emulated_processors_stall_is_started_once_more(
    parts: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accelerator: str, times: int
) -> None:
    out, step, starts = tmp_path / "out.img", Step("boot"), 2 if accelerator == "tcg" else 1
    monkeypatch.setattr("demo.vm.qemu.PROGRAM", a_program(tmp_path, STALLS.format(times=times)))
    machine = Machine(Accelerator(accelerator), parts, tmp_path / "initramfs", tmp_path / "console.log")
    if times < starts:
        assert start_afresh(machine, {out: 4}, Limits(60, silence_s=2), step) > 1
        assert out.read_bytes() == bytes(4) + b"written\n"
    else:
        with pytest.raises(StalledError, match="has said nothing for 2 s"):
            start_afresh(machine, {out: 4}, Limits(60, silence_s=2), step)
    assert (tmp_path / "starts").read_text() == "start\n" * starts
    assert bool(step.words) == (starts > 1)


def test_a_machine_that_takes_too_long_or_fails_is_not_started_again(
    parts: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(Accelerator.TCG, parts, tmp_path / "initramfs", tmp_path / "console.log")
    for script, says in (("exec sleep 1000", "took longer than 0 s"), ("echo no such disk; exit 1", "no such disk")):
        starts = tmp_path / "starts"
        starts.write_text("")
        monkeypatch.setattr("demo.vm.qemu.PROGRAM", a_program(tmp_path, f'echo start >> "$TMPDIR/starts"; {script}'))
        with pytest.raises(CommandFailedError, match=says) as failure:
            start_afresh(machine, {}, Limits(0.3, silence_s=60), Step("boot"))
        assert not isinstance(failure.value, StalledError)
        assert starts.read_text() == "start\n"
