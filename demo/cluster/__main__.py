"""`python -m demo.cluster`."""

from demo.cluster.cli import app
from demo.cluster.frame import run

run(app)
