"""What the tests of several models share: scikit-learn's own data sets, cut in several ways."""

from __future__ import annotations

import pandas as pd
from sklearn import datasets

SETS = {name: getattr(datasets, f"load_{name}") for name in ("iris", "wine", "breast_cancer", "digits")}
CUTS = (1, 3, 7)


def drawn(name):
    """X and y of a data set, and the names that its features have in a table."""
    x, y = SETS[name](return_X_y=True)
    return x, y, [f"x{j}" for j in range(x.shape[1])]


def parts(name, cuts):
    """The same as tables in so many parts, of unequal sizes, whose rows are dealt out in turn."""
    x, y, names = drawn(name)
    table = pd.DataFrame(x, columns=names).assign(label=y)
    return [table[part :: cuts + 1] for part in range(cuts - 1)] + [table[(table.index % (cuts + 1)) >= cuts - 1]]
