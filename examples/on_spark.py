"""A Spark DataFrame as data: its partitions answer, its executors add up, the driver solves. Then the same from the files themselves."""

from __future__ import annotations

import os
import sys
import tempfile

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

import summable as sm


def main() -> None:
    """Fit a frame, and files that the executors read."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    local = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "1g")
    spark = local.config("spark.driver.host", "127.0.0.1").config("spark.log.level", "ERROR").getOrCreate()
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"x": draw.normal(size=4000), "g": draw.choice(["a", "b"], 4000)})
    rows["y"] = 1 + 2 * rows.x + (rows.g == "b") + draw.normal(size=4000)
    with tempfile.TemporaryDirectory() as folder:
        for part in range(4):
            rows[part::4].to_parquet(f"{folder}/{part}.parquet")
        frame = spark.read.parquet(folder)
        print(f"    frame: {sm.ols('y ~ x + C(g)', frame).params['x']:.12f}")
        fit = sm.ols("y ~ x + C(g)", folder, engine=spark)
        print(f"    files: {fit.params['x']:.12f}")
        print([(line.measure, line.parts, line.up) for line in fit.ledger.rounds])
    spark.stop()


if __name__ == "__main__":
    main()
