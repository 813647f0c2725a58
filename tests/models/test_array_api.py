"""What scikit-learn asks of estimators where its array API dispatch is on, which SciPy must be told before it is imported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from launching import launched
from summable.models.table import MODELS


@pytest.mark.slow
def test_what_scikit_learn_asks_under_its_array_api_dispatch():
    status, out, err = launched("-m", "pytest", Path(__file__).parent, "-k", "check_array_api", "-p", "no:cacheprovider", SCIPY_ARRAY_API="1")
    told = re.search(r"(\d+) passed", out)
    assert status == 0 and told is not None, out[-3000:] + err[-3000:]
    assert int(told[1]) > len(MODELS) and "skipped" not in out, out[-3000:]
