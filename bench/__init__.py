"""Benchmarks against peers and bounds; each measures both in one run and prints the ratio."""
