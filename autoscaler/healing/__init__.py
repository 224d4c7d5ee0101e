"""From what was seen of pods to which of them to restart, with brakes. Pure: no I/O, no clock, no logging.

`types` says what goes in and comes out; `decide` is the one entry. A refusal is a result with a reason, like an act.
"""
