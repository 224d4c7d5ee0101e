"""The answer of a range query as JSON, read about three times as fast as by the standard library.

Weeks of a cluster are hundreds of millions of values, each of them text in a list of two, and what reads them holds the
interpreter while the loops wait.
"""

import json
from typing import Any

import msgspec


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, float]]  # time and value, which is text in the answer


class _Data(msgspec.Struct):
    result: list[_Series]


class _Answer(msgspec.Struct):
    data: _Data


_READER = msgspec.json.Decoder(_Answer, strict=False)  # a number may be text
_INFINITE = (b',"+Inf"]', b',"Inf"]')  # the one spelling of Prometheus' that the reader does not know


def read(content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return what an answer says, with values as numbers where it has the form that is documented, else as it is.

    Raises ValueError when it is no JSON.
    """
    try:
        answer = _READER.decode(content.replace(*_INFINITE))
    except msgspec.DecodeError:
        return json.loads(content)
    return {"data": {"result": [{"metric": one.metric, "values": one.values} for one in answer.data.result]}}
