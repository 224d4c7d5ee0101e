"""`python -m demo.vm`."""

from demo.cluster.frame import run
from demo.vm.cli import app

run(app)
