"""What the pods of the machine do: `workload.py WHAT [ARGUMENT]`.

Each makes one group of figures move in a known way; none needs more than the standard library.
"""

import contextlib
import mmap
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

_MIB = 1 << 20
_PIECE = b"x" * (64 << 10)


def hold(mebibytes: str) -> None:
    """Hold memory that is never looked at again."""
    held = bytearray(os.urandom(4096)) * (int(mebibytes) * _MIB // 4096)
    print(len(held), flush=True)
    signal.pause()


def steady(folder: str) -> None:
    """Hold memory, file cache, a mapped file, open files, sockets and threads, and change none of them."""
    held = bytearray(os.urandom(4096)) * (48 * _MIB // 4096)
    for start in range(0, len(held), 4096):
        held[start] = 1
    file = Path(folder) / "cached"
    file.write_bytes(os.urandom(_MIB) * 40)
    file.read_bytes()
    mapped = mmap.mmap(os.open(file, os.O_RDONLY), 12 * _MIB, prot=mmap.PROT_READ)
    for start in range(0, len(mapped), 4096):
        mapped[start]
    files = [os.open(file, os.O_RDONLY) for _ in range(23)]
    sockets = [socket.socket() for _ in range(7)]
    pause = threading.Event()
    for _ in range(5):
        threading.Thread(target=pause.wait, daemon=True).start()
    print(len(held), len(files), len(sockets), flush=True)
    signal.pause()


def write(folder: str) -> None:
    """Write to the disk and wait for it, and read it back past the cache."""
    file = Path(folder) / "written"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
    while True:
        os.pwrite(descriptor, _PIECE * 16, 0)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(descriptor, _MIB, 0)
        time.sleep(0.5)


def send(address: str) -> None:
    """Send to a server at `HOST:PORT` and to itself over loopback."""
    host, _, port = address.rpartition(":")
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=5) as connection:
            while True:
                connection.sendall(_PIECE)
                connection.recv(len(_PIECE))
                receiver.sendto(b"to myself", receiver.getsockname())
                time.sleep(0.1)
        time.sleep(0.5)


def kill_children() -> None:
    """Have one child after the other ended for taking more memory than is allowed, and live on."""
    while True:
        child = os.fork()
        if child == 0:
            grow()
        os.waitpid(child, 0)
        time.sleep(3)


def grow() -> None:
    """Take memory until the kernel has enough of it."""
    time.sleep(1)
    held = []
    while True:
        held.append(b"\1" * _MIB)


def spin() -> None:
    """Use as much CPU time as is given, half of it in the kernel."""
    while True:
        for _ in range(20_000):
            pass
        for _ in range(2_000):
            os.getppid()


def sink(port: int) -> None:
    """Take what `send` sends and send the same amount back."""
    with socket.create_server(("0.0.0.0", port)) as server:  # noqa: S104 - nobody is outside
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while piece := connection.recv(len(_PIECE)):
            connection.sendall(piece)


if __name__ == "__main__":
    {f.__name__: f for f in (hold, steady, write, send, kill_children, grow, spin)}[sys.argv[1]](*sys.argv[2:])
