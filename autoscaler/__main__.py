"""`python -m autoscaler` is `foresail`."""

from autoscaler.cli import main

main()
