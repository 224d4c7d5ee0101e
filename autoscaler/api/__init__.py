"""Our resources (group `foresail.dev`, version `v1alpha1`): types, defaults and validation.

`types` holds the fields, `validation` what a schema cannot say, `parse` turns what the API server sent into either. Nothing
here talks to anybody.
"""

GROUP = "foresail.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
FIELD_MANAGER = "foresail"
