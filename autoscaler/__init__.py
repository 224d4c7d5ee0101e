"""Foresail's service: reads load from Prometheus, forecasts it, scales workloads ahead of it and heals pods.

Arrows of import go only downwards (see `.importlinter` and `docs/architecture.md`).
"""

__version__ = "0.1.0"
