"""Grafana boards and Prometheus rules, generated from the names that the programs themselves use.

Written in code so that a metric that is renamed cannot leave an empty panel or a dead alert behind. `build` writes the files
that the chart ships. Grafana and Prometheus read them; nothing here talks to either.
"""
