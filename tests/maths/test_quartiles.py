"""Quartiles are NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from summable.maths.quartiles import quartiles


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (10,), (1023,), (1, 3), (2, 3), (1024, 3), (7, 0)])
def test_they_are_those_of_numpy(shape):
    values = np.random.default_rng(0).normal(1e6, size=shape)
    np.testing.assert_allclose(quartiles(values), np.quantile(values, (0.25, 0.5, 0.75), axis=0), rtol=1e-15)


def test_a_column_with_a_nan_has_none():
    values = np.arange(12.0).reshape(6, 2)
    values[3, 1] = np.nan
    found = quartiles(values)
    np.testing.assert_array_equal(found[:, 0], [2.5, 5.0, 7.5])
    assert np.isnan(found[:, 1]).all()
