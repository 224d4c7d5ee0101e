"""The rule files, one file each; a new one is written beside them and named in this list."""

from collections.abc import Mapping

from dashboards.rules import foresail, owners
from dashboards.rules.alert import Json

RULES: Mapping[str, Json] = {"foresail": foresail.rule_file(), "foresail-owners": owners.rule_file()}
