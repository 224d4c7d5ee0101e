"""The body of an answer, read within a time and a size: a server that trickles or never ends must hold no thread for ever.

The time-out of requests is that of one read of the socket, which a byte a minute keeps from ever passing.
"""

import time
from collections.abc import Iterator

import requests
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

_PIECE_BYTES = 1 << 16
MOST_BYTES = 256 << 20  # an answer about ten thousand pods has some MiB


def read(response: requests.Response, until_s: float, most_bytes: int = MOST_BYTES) -> None:
    """Read the body of a streamed answer into it, until a time on the monotonic clock.

    Raises ReadTimeout after that, ContentDecodingError where the answer is longer than `most_bytes` or cannot be unpacked,
    and ChunkedEncodingError where it breaks off; the connection is closed then.
    """
    try:
        body = b"".join(_pieces(response, until_s, most_bytes))
    except Exception:
        response.close()
        raise
    response._content = body  # noqa: SLF001 - as requests itself keeps what was read


def _pieces(response: requests.Response, until_s: float, most_bytes: int) -> Iterator[bytes]:
    size = 0
    try:
        while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
            yield piece
            size += len(piece)
            if size > most_bytes:
                raise requests.exceptions.ContentDecodingError(f"the answer is longer than {most_bytes >> 20} MiB")
            if time.monotonic() > until_s:
                raise requests.exceptions.ReadTimeout("the answer did not end in time")
    except ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout(str(error)) from error
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(f"the answer cannot be unpacked: {error}") from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(f"the answer breaks off: {error}") from error
