"""A port of the host that leads into the cluster's network namespace: one small process for each port.

It is given a socket that listens on the host's loopback as descriptor 3, and only then enters the namespace: a socket stays in
the namespace in which it was made, so connections come in from the host and go on from inside. Run as a file by itself, with
nothing but the standard library, so that it starts fast and stays small.
"""

import argparse
import asyncio
import contextlib
import ctypes
import os
import socket
import sys

_LISTENING_DESCRIPTOR = 3
_CLONE_NEWNET = 0x40000000
_CHUNK_BYTES = 65536


def enter_namespace(path: str) -> None:
    """Move this process into the network namespace that is mounted at `path`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)


async def serve(listening: socket.socket, address: str, port: int) -> None:
    """Join every connection on `listening` with a new one to `address`:`port`, until the process is ended."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(address, port)
        except OSError as error:
            print(f"connecting to {address}:{port} failed: {error}", file=sys.stderr, flush=True)
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        except OSError:
            pass  # either side broke off; so does the other, below
        finally:
            for each in (writer, far_writer):
                each.close()

    server = await asyncio.start_server(join, sock=listening)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def main() -> None:
    """Read the command line and forward."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--netns", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", required=True, type=int)
    options = parser.parse_args()
    listening = socket.socket(fileno=_LISTENING_DESCRIPTOR)
    listening.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    enter_namespace(options.netns)
    asyncio.run(serve(listening, options.address, options.port))


if __name__ == "__main__":
    main()
