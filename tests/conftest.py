"""Has the shape annotations of the pure functions checked at run time, in every test."""

from jaxtyping import install_import_hook

install_import_hook(
    ["hybridfuse.functional", "hybridfuse.postprocess", "hybridfuse.reconciliation"], "beartype.beartype"
)
