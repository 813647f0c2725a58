"""Spark, Dask and Ray keep the contract; data decide the engine, and data of several are one fit."""

from __future__ import annotations

from functools import partial

import pytest

import summable as sm
from summable.testing import contract

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clusters")]
NAMES = [check.name for check in contract(None, "")]
F = "y ~ a*C(g) + far"


def emitted(tables, batches):
    for number in (number for batch in batches for number in batch.column(0).to_pylist()):
        yield from tables[number].to_batches()


def spark_frame(session, tables):
    """A DataFrame whose partitions are these tables, made where they are asked for."""
    from pyspark.sql.pandas.types import from_arrow_schema

    many = len(tables)
    return session.range(0, many, 1, many).mapInArrow(partial(emitted, tables), from_arrow_schema(tables[0].schema))


@pytest.fixture(scope="session")
def places(spark, dask, ray):
    from dask import delayed

    return {
        "spark": lambda tables: sm.engine(spark_frame(spark, tables)),
        "dask": lambda tables: sm.engine([delayed(table.to_pandas()) for table in tables]),
        "ray": lambda tables: sm.engine([ray.put(table) for table in tables]),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["spark", "dask", "ray"])
def test_contract(places, place, name, tmp_path):
    next(check for check in contract(places[place], tmp_path) if check.name == name).run()
