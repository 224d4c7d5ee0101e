"""The sample app of the demonstration."""
