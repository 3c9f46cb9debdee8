"""Random data in which linked items depend on each other, and classes on that alone. Free of torch."""

import numpy as np
from jaxtyping import Float32, Int

Links = Int[np.ndarray, "links 2"]
Classes = Int[np.ndarray, " rows"]


def attributes(
    links: Links, rows: int, count: int, strength: float, seed: int
) -> tuple[Float32[np.ndarray, "rows count"], Classes]:
    r"""Rows whose class is the sign with which linked attributes covary.

    $$x \mid y \sim N(0, I + a_y S), \quad a_1 = s / |\lambda_{\min}(S)|, \quad a_0 = -s / \lambda_{\max}(S)$$

    S holds a 1 for each link, and s is the strength. In both classes every attribute is standard normal, and any
    that are not linked are independent, so that what is a sum of functions of single attributes tells nothing.

    Args:
        links: both directions of each.
        rows: half of them of each class, in random order.
        count: attributes.
        strength: in [0, 1); with 0 classes do not differ.
    """
    random = np.random.RandomState(seed)
    values, vectors = np.linalg.eigh(_adjacency(links, count))
    y = random.permutation(np.arange(rows) % 2)
    z = random.standard_normal((rows, count))
    weights = np.where(y == 1, strength / -values[0], -strength / values[-1])
    x = (z * np.sqrt(np.maximum(1 + weights[:, None] * values, 0.0))) @ vectors.T
    return x.astype(np.float32), y.astype(np.int64)


def instances(
    links: Links, rows: int, count: int, strength: float, seed: int
) -> tuple[Float32[np.ndarray, "rows count"], Classes]:
    r"""Rows whose class follows from the attributes of those linked to them, and from nothing of their own.

    $$y_i = \left[s \sum_{j \sim i} x_j^\top w / \sqrt{\deg i} + \sqrt{1 - s^2}\, \varepsilon_i > 0\right]$$

    All x_ij and ε_i are standard normal, w is a random unit vector, and s is the strength; the class of an instance
    without links is random.

    Args:
        links: both directions of each.
        rows: instances.
        count: attributes.
        strength: in [0, 1); with 0 classes are random.
    """
    random = np.random.RandomState(seed)
    x, noise, w = (random.standard_normal(size) for size in ((rows, count), rows, count))
    told = np.zeros(rows)
    np.add.at(told, links[:, 0], (x @ (w / np.linalg.norm(w)))[links[:, 1]])
    degrees = np.bincount(links[:, 0], minlength=rows)
    score = strength * told / np.sqrt(np.maximum(degrees, 1)) + np.sqrt(1 - strength**2) * noise
    return x.astype(np.float32), (score > 0).astype(np.int64)


def _adjacency(links: Links, count: int) -> np.ndarray:
    matrix = np.zeros((count, count))
    matrix[links[:, 0], links[:, 1]] = 1.0
    return matrix
