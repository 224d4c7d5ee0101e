"""`python -m demo.cluster`."""

from demo.cluster.cli import main

main()
