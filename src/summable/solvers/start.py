"""Where Newton's method starts: least squares, and fits that every part makes of its own rows, put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Coding, Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import part_of, root_of, solve_root
from summable.maths.losses import Loss
from summable.measures.gram import Products
from summable.measures.local import Beginning, Local
from summable.measures.working import Opening, Working
from summable.solvers.problem import Problem
from summable.solvers.width import refuse_wide


def opening_of(design: Design, coding: Coding, loss: Loss, prefer: str) -> Rounds[Opening]:
    """The first round: the sums of least squares and, where rounds are dear, the parts' own fits beside them."""
    refuse_wide(design)
    if prefer == "rounds" and not loss.is_quadratic:
        return (yield from Local(design, loss, coding.kept))
    return (yield from Working(design, loss, (yield from level_of(design, coding.kept, loss))))


def level_of(design: Design, kept: NDArray[np.int64], loss: Loss) -> Rounds[Array]:
    """Coefficients of the constant alone, (width,), where small counts make a mean near each y a poor start; else (0,).

    Cost: one round that reads no feature; none unless y are counts.
    Fails: as `Working`.
    """
    if not is_count(loss) or 0 not in kept:
        return np.zeros(0)
    alone = constant_of(design)
    return level_from(alone, (yield from Working(alone, loss)), loss, design.width)


def is_count(loss: Loss) -> bool:
    """Whether a start from the constant alone may be the better one."""
    return loss.family.name == "poisson" and loss.link.name == "log"


def constant_of(design: Design) -> Design:
    """The design of its constant alone."""
    return replace(design, terms=design.terms[:1])


def level_from(alone: Design, opening: Opening, loss: Loss, width: int) -> Array:
    """From what the constant alone sums, its coefficient and zeros, (width,), where y are small counts; else (0,)."""
    if not is_count(loss) or not 0 < opening.total < SMALL * opening.trials:
        return np.zeros(0)
    return np.append(level_start(alone, opening, loss), np.zeros(width - 1))


def candidates(problem: Problem, opening: Opening) -> Array:
    """Coefficients from which to go on, (width, q), the most promising first."""
    found = [least_squares_start(problem, opening)]
    if isinstance(opening, Beginning) and opening.fitted > 0:
        found = [*combined(problem, opening), *found]
    if not problem.loss.is_everywhere and 0 in problem.columns:
        found.append(flat(problem, opening))
    usable = [one for one in found if np.isfinite(one).all()]
    return problem.full(np.stack(usable or [np.zeros(len(problem.columns))], axis=1))


def least_squares_start(problem: Problem, opening: Opening) -> Array:
    """The first step of iterated least squares, (rank,); of a logistic model, what discriminant analysis makes of it."""
    root, _ = root_of(part_of(opening.xx, problem.columns))
    coef = solve_root(root, opening.xz[problem.columns])
    if problem.loss.link.name == "logit" and 0 in problem.columns and not problem.design.role("offset"):
        return discriminant(problem, opening, coef)
    return coef


SMALL = 5.0  # counts, on average: below, two rounds fewer were needed from the constant alone; above, as many more
APART = 2 * (np.log(3.0) + 4 / 3)  # the first working responses of y = 0 and y = 1 under the logit lie so far apart, about zero


def discriminant(problem: Problem, opening: Opening, coef: Array) -> Array:
    """Fisher's: least-squares slopes over the variance within classes, and the constant that two normal classes of these means have."""
    share, weight = float(opening.total) / float(opening.trials), float(opening.xx[0])
    rest = max(float(opening.zz - coef @ opening.xz[problem.columns]) / weight / APART**2, 0.05 * share * (1 - share))
    slopes = np.where(problem.columns == 0, 0.0, coef / APART / rest)
    sums = opening.square[0][problem.columns]
    of_ones = opening.xz[problem.columns] / APART + sums / 2
    middle = of_ones / (share * weight) + (sums - of_ones) / ((1 - share) * weight)
    constant = np.log(share / (1 - share)) - 0.5 * float(middle @ slopes)
    return np.where(problem.columns == 0, constant, slopes)


def combined(problem: Problem, opening: Beginning) -> list[Array]:
    """The corrected one-shot combination of the parts' fits, and their plain average, (rank,) each."""
    part = np.ix_(problem.columns, problem.columns)
    root, positive = root_of(opening.hessian_square[part] + problem.penalty)
    found = [solve_root(root, opening.vector[problem.columns])] if positive else []
    if opening.whole > 0:
        found.append(opening.plain[problem.columns] / float(opening.whole))
    return found


def flat(problem: Problem, opening: Opening) -> Array:
    """The constant alone, which lies in the domain of every link."""
    return np.where(problem.columns == 0, level_start(problem.design, opening, problem.loss), 0.0)


def level_start(design: Design, opening: Opening, loss: Loss) -> float:
    """The constant that alone gives the mean of y: exact without an offset, one step of least squares with one."""
    if not design.role("offset"):
        mean = np.asarray(float(opening.total) / float(opening.trials))
        with np.errstate(all="ignore"):
            return float(loss.link.link(mean, np))
    return float(opening.xz[0] / opening.xx[0])


def products_of(opening: Opening) -> Products:
    """The sums of the first step as those of weighted least squares."""
    return Products(opening.rows, opening.log_weight, opening.zz, opening.xz, opening.xx)
