"""What the tests of several models share: scikit-learn's own data sets, cut in several ways."""

from __future__ import annotations

import numpy as np
from sklearn import datasets

SETS = {name: getattr(datasets, f"load_{name}") for name in ("iris", "wine", "breast_cancer", "digits")}
CUTS = (1, 3, 7)


def drawn(name):
    """X and y of a data set, and the names that its features have in a table."""
    x, y = SETS[name](return_X_y=True)
    return x, y, [f"x{j}" for j in range(x.shape[1])]


def parts(name, cuts):
    """The same as columns in so many parts, of unequal sizes, whose rows are dealt out in turn."""
    x, y, names = drawn(name)
    dealt = np.minimum(np.arange(len(y)) % (cuts + 1), cuts - 1)
    return [{**dict(zip(names, x[dealt == part].T, strict=True)), "label": y[dealt == part]} for part in range(cuts)]
