"""Interdependence functions, fused: a configuration-driven experiment runner.

Letters, everywhere in this package:

    b, m       instances and attributes of a data batch x (b, m)
    n, d       items and features of an item: (m, b) for the attribute type, (b, m) for the instance type
    n, p       rows and columns of an interdependence matrix A; p is m' or b'
    k          matrices that a fusion makes one of
    l          learnable parameters

Importing this package imports neither torch nor Lightning, so that the command line answers at once.
"""

__version__ = "0.1.0"
