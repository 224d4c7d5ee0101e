"""The frame of the command lines here and of the virtual machine: what ends one early is told in a sentence."""

import sys

import typer

from demo.cluster.errors import ClusterError
from demo.cluster.signals import ended_by_signals


def run(app: typer.Typer) -> None:
    """Run a command line; an error of ours ends it with status 1, an interruption with 130."""
    try:
        with ended_by_signals():
            app()
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except PermissionError as error:
        print(f"error: {error.strerror}: {error.filename}. It belongs to root: use sudo", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
