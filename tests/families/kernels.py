"""Numeric kernels, by scikit-learn and scipy."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel

from families.common import Case

ORACLES: dict[str, list[Case]] = {
    "cosine_similarity": [({}, lambda x, w: cosine_similarity(x))],
    "euclidean_distance": [({}, lambda x, w: np.exp(-cdist(x, x)))],
    "gaussian_rbf": [
        ({}, lambda x, w: rbf_kernel(x, gamma=0.5)),
        ({"sigma": 2.5}, lambda x, w: rbf_kernel(x, gamma=1.0 / (2.0 * 2.5**2))),
    ],
}
