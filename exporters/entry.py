"""The command `foresail-exporter`: starts the program, or says which package is missing and what to type."""

import sys


def main() -> None:
    """Run the exporter; ends with status 1 where the extra `exporter` is not installed."""
    # structlog takes rich along where it is installed, as it is for the service: 4 MB for tracebacks in colours
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    try:
        from exporters import cli  # noqa: PLC0415 - what is missing must be told in words, not by a traceback
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "exporters":
            raise
        text = f"foresail-exporter needs the Python package {error.name}, which is not installed: it comes with the extra"
        remedy = "`exporter`; in the folder of Foresail's source, type: pip install '.[exporter]'"
        print(text, remedy, file=sys.stderr)  # noqa: T201 - there is no log yet
        sys.exit(1)
    cli.main()
