"""A few plain reads of the demonstration's Prometheus from the host."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Prometheus behind a port of 127.0.0.1."""

    url: str

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Return the result of an instant query; raises OSError (also for a refused query)."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the address is our own http://127.0.0.1
            return list(json.load(answer)["data"]["result"])
