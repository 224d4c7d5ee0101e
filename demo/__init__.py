"""The demonstration: a real cluster, a sample app with its twin, traffic with a season, and what came of it."""
