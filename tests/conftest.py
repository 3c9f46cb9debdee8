"""Imports the package with its shape annotations checked at run time, before any test module does."""

import warnings

from jaxtyping import install_import_hook

with install_import_hook("hybridfuse", "beartype.beartype"), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import hybridfuse.functional.layout  # noqa: F401  (the hook must see the first import)
