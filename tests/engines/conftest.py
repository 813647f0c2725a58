"""One Spark session, one Dask cluster, one Ray for all tests that need them; nothing is started for the others."""

from __future__ import annotations

import os
import sys

import pytest


@pytest.fixture(scope="session")
def spark():
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.memory": "1g",
        "spark.ui.showConsoleProgress": "false", "spark.sql.shuffle.partitions": "2", "spark.log.level": "OFF",
    }  # fmt: skip
    builder = SparkSession.builder.master("local[2,4]")  # two cores; a task is tried four times
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def dask():
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0, silence_logs=50) as client:
        yield client


@pytest.fixture(scope="session")
def ray():
    import ray

    os.environ["RAY_IGNORE_UNHANDLED_ERRORS"] = "1"
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20, log_to_driver=False, configure_logging=False)
    yield ray
    ray.shutdown()
