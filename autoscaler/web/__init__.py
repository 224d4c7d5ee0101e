"""Status page, JSON API, metrics and probes of the service. Read-only."""
