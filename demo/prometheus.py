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
        return list(self._data(f"query?{urllib.parse.urlencode({'query': promql})}")["result"])

    def rules(self) -> list[dict[str, Any]]:
        """Return the groups of rules with how their last evaluation went; raises OSError."""
        return list(self._data("rules")["groups"])

    def _data(self, words: str) -> dict[str, Any]:
        address = f"{self.url}/api/v1/{words}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the address is our own http://127.0.0.1
            return dict(json.load(answer)["data"])
