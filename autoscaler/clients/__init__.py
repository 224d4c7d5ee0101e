"""The only code that talks to the world: Kubernetes, Prometheus, receivers of notifications.

`ports` says what the loops need; foreign exceptions end here, mapped to `autoscaler.errors`.
"""
