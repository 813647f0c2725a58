"""References to tables in Ray's object store as data: tasks answer where the tables lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import ray

import summable as sm


def main() -> None:
    """Fit four tables in the store."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"x": draw.normal(size=4000)})
    rows["y"] = 1 + 2 * rows.x + draw.normal(size=4000)
    fit = sm.ols("y ~ x", [ray.put(rows[part::4]) for part in range(4)])
    print(f"   tables: {fit.params['x']:.12f}")
    ray.shutdown()


if __name__ == "__main__":
    main()
