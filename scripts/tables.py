"""Write what follows from the tables: docs/models.md, and the public names for type checkers in src/summable/__init__.pyi.

python scripts/tables.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import get_tags

import summable
from summable.models.table import MODELS, Model

ROOT = Path(__file__).parent.parent
PAGE, STUB = ROOT / "docs" / "models.md", ROOT / "src" / "summable" / "__init__.pyi"
FEATURES, CLASSES, PARTS = 4, 3, 4


def stub() -> str:
    """The public names, each imported from where it is."""
    names = {**summable.PUBLIC, **{name: room.removesuffix(f".{name}") for name, room in summable.ROOMS.items()}}
    lines = sorted(f"from summable.{module} import {name} as {name}" for name, module in names.items())
    told = '"""Written by scripts/tables.py."""'
    return "\n".join([told, "", *lines, "", "__version__: str", "PUBLIC: dict[str, str]", "ROOMS: dict[str, str]", "__all__: list[str]", ""])


def example(features: int, classes: int) -> list[pd.DataFrame]:
    """Rows in parts: some features x0, x1, …, clusters of them, and columns that each kind of model may have for its y."""
    draw, rows = np.random.default_rng(0), 300
    labels = draw.integers(0, classes, rows)
    x = draw.normal(size=(rows, features)) + 8.0 * draw.normal(size=(classes, features))[labels]
    eta = 0.3 * draw.normal(size=rows) + x @ np.full(features, 0.02)
    table = pd.DataFrame(x, columns=[f"x{j}" for j in range(features)])
    noise = draw.normal(size=rows)
    table = table.assign(positive=np.exp(eta + 0.3 * noise), label=labels, two=(eta + noise > 0) * 1)
    return [table[part::PARTS] for part in range(PARTS)]


def target(model: Any) -> str | None:
    """The column of the example that suits a model as its y; None if it has none."""
    tags = get_tags(model)
    if tags.estimator_type == "classifier":
        return "label" if tags.classifier_tags.multi_class else "two"
    return "positive" if tags.estimator_type == "regressor" else None


def fitted(name: str, features: int = FEATURES, classes: int = CLASSES) -> Any:
    """A model, fitted to the example."""
    model, data = getattr(summable, name)(), example(features, classes)
    names = [f"x{j}" for j in range(features)]
    if "n_clusters" in model.get_params():
        model.set_params(n_clusters=classes, random_state=0)
    y = target(model)
    return model.fit(data, features=names) if y is None else model.fit(data, y, features=names)


def numbers(model: Model, p: int, k: int) -> int:
    """What the table says that each part sends."""
    return int(eval(model.numbers, {"p": p, "k": k}))


def line(name: str, model: Model) -> str:
    """A model's line of the page, with what its fit to the example took."""
    ledger = fitted(name).ledger_
    size = model.numbers.replace(" * ", "·")
    return f"| `{name}` | `{model.asks}` | {size} | {numbers(model, FEATURES, CLASSES)} | {model.rounds} | {len(ledger.fitting)} | {model.why} |"


def page() -> str:
    """The page of the models."""
    head = f"""# The models, and what each asks

Every model here is a question whose answers add (a *measure*) and a program that asks it. `p` is the number of features, `k` that of classes
or clusters. What each part sends does not depend on its rows. The fourth column is what each part did send, and the sixth how many rounds
were taken to fit, of {FEATURES} features and {CLASSES} classes or clusters in {PARTS} parts (a logistic regression has two classes). A round that learns where
columns lie, or what labels they have, is not counted. The line of a model is in `src/summable/models/table.py`; this page is written by
`python scripts/tables.py`, which fits them all. [Adding a model](adding-a-model.md) shows what another one takes.

| model | measure | numbers from each part | for example | rounds to fit | for example | one round or not, and why |
| --- | --- | --- | ---: | --- | ---: | --- |
"""
    return head + "\n".join(line(name, model) for name, model in MODELS.items()) + NOTES


NOTES = """

`sm.ols` asks what `LinearRegression` asks, and `sm.glm` with any family and link what `LogisticRegression` asks; [few rounds](rounds.md) tells
what is asked after that, and why it is so little. `sm.describe` asks `Summary`, and `Histogram` if a column has more
than 4096 distinct numbers. `sm.train` asks `Slopes` for every step, (p + 1)·q + q + 3 numbers for q targets, and by conjugate gradients
`Image`, (p + 2)·q: [parallelism](parallelism.md). Parameters and defaults are scikit-learn's:

```python
>>> import summable as sm
>>> sm.LinearRegression(fit_intercept=False).get_params()
{'copy_X': True, 'fit_intercept': False, 'n_jobs': None, 'positive': False, 'tol': 1e-06}

```
"""


def main() -> None:
    """Write both."""
    STUB.write_text(stub())
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
