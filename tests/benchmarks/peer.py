"""The paper's library, timed beside ours where it can be imported (`pip install tinybig` in a Python of its own)."""

from collections.abc import Callable
from typing import Any

try:
    from tinybig import interdependence as library
except ImportError:
    library = None

_KERNELS = {
    "linear": "linear_kernel",
    "polynomial": "polynomial_kernel",
    "hyperbolic_tangent": "hyperbolic_tangent_kernel",
    "exponential": "exponential_kernel",
    "cosine_similarity": "cosine_similarity",
    "minkowski_distance": "minkowski_distance",
    "manhattan_distance": "manhattan_distance",
    "euclidean_distance": "euclidean_distance",
    "chebyshev_distance": "chebyshev_distance",
    "canberra_distance": "canberra_distance",
    "gaussian_rbf": "gaussian_rbf_kernel",
    "laplacian": "laplacian_kernel",
    "anisotropic_rbf": "anisotropic_rbf_kernel",
    "kl_divergence": "kl_divergence",
    "pearson_correlation": "pearson_correlation",
    "rv_coefficient": "rv_coefficient",
    "mutual_information": "mutual_information",
    "parameterized": "parameterized",
    "parameterized_lowrank": "lowrank_parameterized",
    "parameterized_hm": "hm_parameterized",
    "parameterized_lphm": "lphm_parameterized",
    "parameterized_dual_lphm": "dual_lphm_parameterized",
    "parameterized_random_matrix": "random_matrix_adaption_parameterized",
    "bilinear": "parameterized_bilinear",
    "bilinear_lowrank": "lowrank_parameterized_bilinear",
    "bilinear_hm": "hm_parameterized_bilinear",
    "bilinear_lphm": "lphm_parameterized_bilinear",
    "bilinear_dual_lphm": "dual_lphm_parameterized_bilinear",
    "bilinear_random_matrix": "random_matrix_adaption_parameterized_bilinear",
}
_STRUCTURES = {
    "zero": "zero",
    "one": "one",
    "identity": "identity",
    "chain": "chain",
    "multihop_chain": "multihop_chain",
    "inverse_chain": "inverse_approx_multihop_chain",
    "exponential_chain": "exponential_approx_multihop_chain",
    "graph": "graph",
    "multihop_graph": "multihop_graph",
    "pagerank_graph": "pagerank_multihop_graph",
    "grid_cuboid_padding": "cuboid_patch_padding_based_geometric",
    "grid_cuboid_aggregation": "cuboid_patch_aggregation_based_geometric",
}
NAMES = _KERNELS | _STRUCTURES
BLOCKED = ("_hm", "_lphm", "_dual_lphm")


def function(stem: str, b: int, m: int, kind: str = "attribute", **given: Any) -> Callable[..., Any] | None:
    """A call of the library's function, as its layers make it, its parameters drawn; None where it has no such one."""
    if library is None or stem not in NAMES:
        return None
    import torch

    options: dict[str, Any] = dict(given)
    if stem == "minkowski_distance":
        options["p"] = 3.0
    if stem.endswith(BLOCKED):
        options["p"], options["q"] = 8, 8
    if stem.endswith("lphm"):
        options["r"] = 2
    if stem in ("zero", "one", "identity"):
        options["m_prime" if kind == "attribute" else "b_prime"] = m if kind == "attribute" else b
    if stem.endswith("chain"):
        options["chain_length"] = m if kind == "attribute" else b
    built = getattr(library, f"{NAMES[stem]}_interdependence")(b=b, m=m, interdependence_type=kind, **options)
    if not built.require_parameters:
        return lambda x: built(x=x)
    w = torch.randn(1, built.calculate_l(), requires_grad=True)
    return lambda x: built(x=x, w=w)
