"""Foresail's node exporter: what every container on this node uses, as the kernel counts it.

It reads cgroups and /proc when it is scraped and at no other time, joins the names of pods and containers to what it
found, and answers in Prometheus' formats under the metric names that cAdvisor made common. It keeps no history and
decides nothing: rates, forecasts and alerts are the business of Prometheus and of the service.

Imports go downwards only: ``cli > program > server > exposition > collectors > names | cgroup > log > settings > roots``.
"""
