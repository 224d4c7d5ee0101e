"""From what was seen of a workload to how many replicas it should have. Pure: no I/O, no clock, no logging.

`types` says what goes in and comes out; `decide` is the one entry. The reactive part is the Horizontal Pod Autoscaler's
algorithm (Kubernetes 1.36); a forecast can only add to it.
"""
