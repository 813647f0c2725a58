"""What is expected of a step."""

from __future__ import annotations

import numpy as np
import pytest

from summable.core.design import Constant, Design
from summable.maths.losses import loss
from summable.solvers.problem import Point, Problem
from summable.solvers.step import converged, step_from


@pytest.mark.parametrize(("family", "before"), [("gaussian", []), ("binomial", [1e4])])
@pytest.mark.parametrize("rough", [0.0, 1e-4])
def test_a_step_by_a_rough_hessian_is_not_the_last(family, before, rough):
    one, none = np.ones((1, 1)), np.zeros((0, 0))
    problem = Problem(Design((), (Constant(),)), loss(family), np.arange(1), 0 * one, 100.0, one, none, rough)
    point = Point(np.zeros(1), 50.0, np.ones(1) / 10, one, one, (), 0.0, np.zeros(1))
    step = step_from(problem, point, before)
    assert step.error >= rough * step.decrement
    assert converged(problem, step, exact_curve=False) == (rough == 0.0)  # 1e-5 is left of a step of 0.1, and 1e-9 shall be
