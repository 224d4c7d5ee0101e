"""Observe, decide, act, report: one file a loop. The loop is the only place that catches everything."""
