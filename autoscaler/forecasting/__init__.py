"""History in, quantiles out. Pure: knows nothing of Kubernetes, HTTP, clocks or logs.

`types` says what goes in and comes out; `fleet.forecast` is the one entry and takes all series at once.
"""
