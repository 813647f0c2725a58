"""A fit of some of the rows: what it says of all of them, and how surely. And any fit, looked at over all rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from summable.core.data import Data
from summable.core.design import Coding, Design, Numeric, Product
from summable.core.errors import DataError, Unsupported
from summable.core.measure import Rounds
from summable.core.sample import RowGroups, Sample, unsampled
from summable.core.statistic import Array
from summable.inference import Solved, estimates
from summable.maths import expressions
from summable.maths.linalg import symmetric
from summable.maths.losses import Loss
from summable.measures.appraisal import Appraisal, Appraised, Clumps
from summable.measures.census import Census
from summable.open import Dataset

FEW = 10  # groups: of fewer, an error of the errors by a quarter and more
APART = 5.0  # standard deviations of a count: a share that is further from what was asked for has rows that go together


@dataclass(frozen=True, eq=False)
class Sampling(Data):
    """How many rows were looked at, and what that adds to the errors: each is one about what all rows would give."""

    share: float  # of rows that was asked for, or of row groups
    seed: int
    rows: float  # all of them
    looked_at: float
    bse: Array  # (p,) of the coefficients
    loss: float  # mean, of the rows that were looked at: half the unit deviance
    loss_error: float
    rsquared_error: float  # NaN, of generalized linear models
    groups: tuple[int, int] | None = None  # how many row groups they are, of how many; None where rows were chosen one by one

    @property
    def is_clumped(self) -> bool:
        """Whether so many or so few rows were looked at that they cannot have been chosen one by one."""
        return self.groups is None and bool(abs(self.looked_at - self.share * self.rows) > APART * np.sqrt(self.share * (1 - self.share) * self.rows) + 1)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with it, a sentence or none."""
        told = f"{self.looked_at:,.0f} of {self.rows:,.0f} rows were looked at for sample={self.share:g}"
        found = [f"{told}: rows of equal values go together. Give key=…, a column that tells them apart."] * self.is_clumped
        if self.groups and self.groups[0] < FEW:
            found.append(f"{self.groups[0]} row groups tell roughly how much they differ, so that the errors of sampling are rough too. Give more of them.")
        return found

    @property
    def note(self) -> str:
        """What the summary says."""
        of_fit = "" if np.isnan(self.rsquared_error) else f"R² has a standard error of {self.rsquared_error:.2g}, "
        told = f"{of_fit}the mean loss {self.loss:.6g} one of {self.loss_error:.2g}, and the coefficients have sampling_bse"
        where = "" if self.groups is None else f" in {self.groups[0]:,} of {self.groups[1]:,} row groups"
        return f"Looked at {self.looked_at:,.0f} of {self.rows:,.0f} rows{where}, chosen by a hash. About the fit of all of them, {told}."


@dataclass(frozen=True)
class Evaluation(Data):
    """How well a fit does on rows, of which it need not have seen any."""

    rows: float
    dropped: float  # for a missing value
    loss: float  # mean of half the unit deviance: of least squares ½ (y − mean)²
    rsquared: float  # about the mean of these rows; NaN, of generalized linear models


def chosen(data: Any, sample: float | None, seed: int, key: str | None) -> Sample | RowGroups | None:
    """The sample that was asked for, or that the data are."""
    if isinstance(data, Dataset) and data.drawn:
        if sample is not None or key is not None:
            raise Unsupported("the data are a sample of row groups already", "Leave sample=… and key=… out.")
        return data.drawn
    if sample is None:
        if key is not None:
            raise Unsupported(f"key={key!r} is of a sample, and none is asked for", "Give sample=…, or leave it out.")
        return None
    if not 0 < sample < 1:
        raise Unsupported(f"sample={sample!r} is no share of the rows", "Give a number between zero and one, or leave it out.")
    return Sample(int(seed) % 2**63, 0.0, float(sample))


def of_all(design: Design) -> Design:
    """The design of all rows, which need no key."""
    roles = tuple((role, one) for role, one in design.roles if role != "key")
    numerics = [n for term in design.terms if isinstance(term, Product) for n in term.numerics]
    texts = [*(n.expression for n in [*numerics, *(one for _, one in roles)] if isinstance(n, Numeric)), *(basis.expression for basis in design.bases)]
    read = {name for text in texts for name in expressions.columns(text)}
    keys = {name for one in design.role("key") for name in expressions.columns(one.expression)}
    columns = tuple(column for column in design.columns if column.name in read or column.name not in keys)
    return replace(unsampled(design), columns=columns, roles=roles)


def of_rows(sample: Sample | RowGroups | None) -> Sample | None:
    """The sample that a design must know of: row groups are chosen before one is read."""
    return sample if isinstance(sample, Sample) else None


def named(sample: Sample | RowGroups | None) -> dict[str, str]:
    """A sample as a setting of a fit, if there is one."""
    return {} if sample is None else {"sample": repr(sample)}


def sampling(design: Design, coding: Coding, loss: Loss, solution: Solved, level: float | None, few: Sample | RowGroups | None) -> Rounds[Sampling | None]:
    """What a sample adds to the errors of a solution, whose coefficients are those of y as the design measures it; None of all rows.

    R² needs a level: that of the constant. Errors are those of sums over a simple random sample of what each row adds, or each group of them:
    (1 − n/N) of a sandwich, which needs no model of y.
    """
    if few is None:
        return None
    if isinstance(few, RowGroups):
        told = yield from Clumps(design, loss, solution.coef, level or 0.0)
        rows, left, groups = few.rows, (1 - few.groups / few.of) * few.groups / (few.groups - 1), (few.groups, few.of)
        share = few.share
    else:
        told = yield from Appraisal(design, loss, solution.coef, level or 0.0, True)
        every = yield from Census(unsampled(design))
        rows, groups, share = float(every.rows[0]), None, few.high
        left = max(1 - float(told.rows[0]) / rows, 0.0)
    weight, losses, _, about = told.sums
    w_w, w_l, _, l_l, l_r, r_r = told.pairs
    mean, rest = losses / weight, 2 * losses / about if about > 0 and level is not None else np.nan
    loss_error = np.sqrt(left * max(l_l - 2 * mean * w_l + mean**2 * w_w, 0.0)) / weight
    of_fit = np.sqrt(left * max(4 * l_l - 4 * rest * l_r + rest**2 * r_r, 0.0)) / about if level is not None and about > 0 else np.nan
    bse, looked_at = np.sqrt(left) * _sandwich(told, solution, coding), float(told.rows[0])
    return Sampling(share, few.seed, rows, looked_at, bse, float(mean), float(loss_error), float(of_fit), groups)


def _sandwich(told: Appraised, solution: Solved, coding: Coding) -> Array:
    """Standard errors from what each row adds to the gradient, (p,); NaN for aliased coefficients."""
    columns, found = coding.kept[solution.independent], estimates(solution, coding)
    root = solve_triangular(solution.root, symmetric(told.scores)[np.ix_(columns, columns)], trans="T")
    middle = solve_triangular(solution.root, root.T, trans="T")
    full = np.full(len(found.coef), np.nan)
    full[found.given] = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", found.spread, middle, found.spread), 0.0))
    return full


def evaluation(design: Design, loss: Loss, at: Array, level: float | None) -> Rounds[Evaluation]:
    """The loss of all rows at coefficients of y itself, and with a level near its mean R², in one round. Raises DataError when there is no row."""
    roles = tuple((role, Numeric(one.expression) if role == "y" and isinstance(one, Numeric) else one) for role, one in design.roles)
    told = yield from Appraisal(replace(unsampled(design), roles=roles), loss, at, level or 0.0)
    weight, losses, first, second = told.sums
    if weight == 0:
        raise DataError("no row is left to look at", "Check the data, the weights, and what is missing.")
    total = second - first**2 / weight
    rsquared = float(1 - 2 * losses / total) if level is not None and total > 0 else np.nan
    return Evaluation(float(told.rows[0]), float(told.rows[1]), float(losses / weight), rsquared)
