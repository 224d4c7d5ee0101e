"""History in, quantiles out. Pure: knows nothing of Kubernetes, HTTP, clocks or logs.

`peaks` is how: `peaks.fleet` for many series as time goes on, `peaks.walk` for one that was recorded. `seasons` finds seasons.
"""
