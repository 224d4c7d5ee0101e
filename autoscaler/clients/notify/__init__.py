"""Telling people: signed webhooks, queued so that no loop ever waits for a receiver."""
