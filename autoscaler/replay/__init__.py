"""The same decisions over recorded load: what Foresail would have done, and the HPA beside it. No cluster is needed.

    source (csv_file, history, sample) ──► Recorded ──► stage ──► Stage ──► walk (twice: with forecasts, without) ──► Course
    Course ──► score, rows, picture, report

Deterministic: the same load and options give the same bytes. The semantics, which anybody can recompute, are in docs/replay.md.
"""
