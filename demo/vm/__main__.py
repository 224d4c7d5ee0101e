"""`python -m demo.vm`."""

from demo.vm.cli import main

main()
