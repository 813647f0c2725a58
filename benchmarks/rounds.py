"""Rounds of communication to the exact logistic fit, beside the usual ways.

    python -m benchmarks.rounds [--quick] [--problems 30]

Eight kinds of data (200,000 rows, 30 columns, 40 parts; `--quick`: a tenth of the rows), then random problems. A round is one question
answered by all parts; those that only learn the design are not counted. Error: |s(b − b*)| / |s b*|, s the columns' standard
deviations, b* the exact fit of the pooled rows.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

import summable as sm
from summable.core.design import Coding, Column, Constant, Design, Numeric, Product
from summable.engines.threads import Threads
from summable.maths.losses import loss
from summable.solvers.generalized import Plan, generalized
from summable.solvers.start import opening_of
from summable.sources import arrays

KINDS = ("iid", "heterogeneous", "concept shift", "rare", "nearly separated", "correlated, bad scales", "heavy tails", "sorted by y")
TARGET, MOST = 1e-10, 25
LOGISTIC = loss("binomial")


@dataclass
class Trace:
    """Every question put to the parts, by the coefficients it was asked at."""

    parts: list
    exact: np.ndarray
    scale: np.ndarray
    errors: list[float] = field(default_factory=list)

    def error(self, coef):
        return float(np.linalg.norm((coef - self.exact) * self.scale) / np.linalg.norm(self.exact * self.scale))

    def note(self, coef):
        self.errors.append(self.error(coef))

    def to(self, target):
        return next((number for number, error in enumerate(self.errors, 1) if error <= target), None)


def gaussians(draw, rows, columns, kind):
    return draw.standard_t(3, (rows, columns)) if kind == "heavy tails" else draw.standard_normal((rows, columns))


def family(kind, rows, columns=30, parts=40, seed=0):
    """Parts of (X with a constant, y)."""
    draw, found = np.random.default_rng(seed), []
    beta = draw.standard_normal(columns - 1)
    beta *= (20.0 if kind == "nearly separated" else 1.5) / np.linalg.norm(beta)
    base = -6.3 if kind == "rare" else 0.0
    mix = np.linalg.cholesky(0.95 ** np.abs(np.subtract.outer(np.arange(columns - 1), np.arange(columns - 1))))
    scales = 10.0 ** draw.uniform(-3, 3, columns - 1)
    for _ in range(parts):
        z, coef, constant = gaussians(draw, rows // parts, columns - 1, kind), beta, base
        if kind in ("heterogeneous", "concept shift"):
            z = z * np.exp(draw.normal(0, 0.5, columns - 1)) + draw.normal(0, 1, columns - 1)
        if kind == "concept shift":
            coef, constant = beta + draw.standard_normal(columns - 1) / np.sqrt(columns - 1), draw.normal()
        if kind == "correlated, bad scales":
            z = z @ mix.T
        y = (draw.random(len(z)) < expit(z @ coef + constant)) * 1.0
        found.append((np.column_stack([np.ones(len(z)), z * scales if kind == "correlated, bad scales" else z]), y))
    return by_outcome(found) if kind == "sorted by y" else found


def by_outcome(parts):
    x, y = np.vstack([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    order = np.argsort(y, kind="stable")
    return list(zip(np.array_split(x[order], len(parts)), np.array_split(y[order], len(parts)), strict=True))


def problem(draw):
    """A random one: sizes, strengths, rarity, differences between parts and tails are all drawn."""
    rows, columns, parts = int(draw.choice([20_000, 40_000])), int(draw.choice([5, 12, 20, 30])), int(draw.choice([4, 16, 40, 80]))
    strength, base = float(draw.choice([0.3, 1, 3, 8])), float(draw.choice([0, 0, -2, -4]))
    mixed, shift, tails = float(draw.choice([0, 0.5, 1])), float(draw.choice([0, 0, 0.5])), float(draw.choice([0, 0, 4]))
    beta, found = draw.standard_normal(columns - 1), []
    beta *= strength / np.linalg.norm(beta)
    for _ in range(parts):
        size = rows // parts, columns - 1
        z = draw.standard_t(tails, size) if tails else draw.standard_normal(size)
        z = z * np.exp(draw.normal(0, mixed / 2, columns - 1)) + draw.normal(0, mixed, columns - 1)
        coef = beta + shift * draw.standard_normal(columns - 1) / np.sqrt(columns - 1)
        found.append((np.column_stack([np.ones(len(z)), z]), (draw.random(len(z)) < expit(z @ coef + base)) * 1.0))
    text = f"{rows:,} × {columns}, {parts} parts, strength {strength:g}, base {base:g}, mixed {mixed:g}, shift {shift:g}, tails {tails:g}"
    return found, text


# -- the exact fit, and the ways to it


def sums(x, y, coef):
    eta = x @ coef
    mean = expit(eta)
    return np.logaddexp(0, eta).sum() - y @ eta, x.T @ (mean - y), (x * (mean * (1 - mean))[:, None]).T @ x


def pooled(parts):
    """Damped Newton on all rows together, in standardised columns, until a step no longer changes the sixteenth digit."""
    x, y = np.vstack([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    scale = x.std(axis=0)
    scale[0] = 1.0
    x, coef = x / scale, np.zeros(x.shape[1])
    value, gradient, hessian = sums(x, y, coef)
    for _ in range(60):
        step = np.linalg.solve(hessian, gradient)
        for size in 0.5 ** np.arange(12):
            tried = sums(x, y, coef - size * step)
            if tried[0] <= value + 1e-12 * abs(value):
                break
        coef, (value, gradient, hessian) = coef - size * step, tried
        if np.linalg.norm(step) < 1e-15 * np.linalg.norm(coef):
            break
    return coef / scale, scale


def design_of(columns):
    """The constant and every column, as a formula would settle them; shifts and levels are no matter here."""
    names = [f"x{j}" for j in range(1, columns)]
    design = Design(tuple(map(Column, [*names, "y"])), (Constant(), *(Product((Numeric(name),)) for name in names)), (("y", Numeric("y")),))
    same = np.arange(columns)
    return design, Coding(("1", *names), same, same, same, np.ones(columns), np.zeros(columns, bool))


def ours(parts, trace, prefer):
    """What the library itself stops at: (rounds, error), and the error of the answer known after each round."""
    design, coding = design_of(parts[0][0].shape[1])
    shards = [shard for x, y in parts for shard in arrays.shards({f"x{j}": x[:, j] for j in range(1, x.shape[1])} | {"y": y})]

    def program():
        opening = yield from opening_of(design, coding, LOGISTIC, prefer)
        return (yield from generalized(design, coding, LOGISTIC, Plan(prefer), opening))

    solution, ledger = sm.run(program(), Threads(shards, workers=2))
    return len(ledger.rounds), trace.error(solution.coef), solution.optimum.certificate


def plain_newton(parts, trace, start):
    """Full steps from a start; each value, gradient and Hessian is a round, and so are seven step sizes tried together."""
    coef = start
    value, gradient, hessian = total(parts, coef)
    for _ in range(MOST):
        step = np.linalg.solve(hessian, gradient)
        trace.note(coef - step)
        if trace.errors[-1] <= TARGET or not np.isfinite(trace.errors[-1]):
            return
        tried = total(parts, coef - step)
        if not tried[0] <= value * (1 + 1e-12):
            sizes = 0.5 ** np.arange(1, 8)
            values = [total(parts, coef - size * step)[0] for size in sizes]
            trace.errors.append(np.inf)
            step = sizes[int(np.argmin(values))] * step
            tried = total(parts, coef - step)
        coef, (value, gradient, hessian) = coef - step, tried


def total(parts, coef):
    each = [sums(x, y, coef) for x, y in parts]
    return tuple(sum(some) for some in zip(*each, strict=True))


def lbfgs(parts, trace):
    """SciPy's L-BFGS on standardised columns, as it is usually run: one round for the scales, one for each value and gradient."""
    scale, count = trace.scale, sum(len(y) for _, y in parts)
    trace.errors.append(np.inf)

    def ask(coef):
        trace.note(coef / scale)
        each = [sums(x, y, coef / scale)[:2] for x, y in parts]
        return sum(v for v, _ in each) / count, sum(g for _, g in each) / scale / count

    minimize(ask, np.zeros(len(scale)), jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-30, "gtol": 1e-14})


def averaging(parts, trace):
    """The mean of the parts' own fits, then Newton on all of them."""
    fits = []
    for x, y in parts:
        coef = pooled([(x, y)])[0] if 0 < y.mean() < 1 else np.zeros(x.shape[1])
        fits.append(coef)
    trace.note(np.mean(fits, axis=0))
    plain_newton(parts, trace, np.mean(fits, axis=0))


WAYS = {"L-BFGS": lbfgs, "Newton from zero": lambda parts, trace: plain_newton(parts, trace, np.zeros(len(trace.scale))), "averaging + Newton": averaging}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--problems", type=int, default=30, help="how many random problems")
    parser.add_argument("--alone", action="store_true", help="without the other ways")
    options = parser.parse_args()
    rows = 20_000 if options.quick else 200_000
    ways = {} if options.alone else WAYS
    print(f"Rounds to {TARGET:g}: {rows:,} rows × 30, 40 parts (in brackets: the rounds after which the library itself stopped, and its error)")
    print(f"{'':<24}{'summable, rounds':>24}{'summable, time':>24}" + "".join(f"{name:>20}" for name in ways))
    for kind in KINDS:
        parts = family(kind, rows)
        exact, scale = pooled(parts)
        cells = []
        for prefer in ("rounds", "time"):
            used, error, _ = ours(parts, Trace(parts, exact, scale), prefer)
            cells.append(f"{used} ({error:.0e})")
        for way in ways.values():
            trace = Trace(parts, exact, scale)
            with np.errstate(all="ignore"):
                way(parts, trace)
            cells.append(str(trace.to(TARGET) or f"- ({trace.to(1e-6) or '-'} to 1e-6)"))
        print(f"{kind:<24}" + "".join(f"{cell:>{24 if i < 2 else 20}}" for i, cell in enumerate(cells)), flush=True)
    draw, counts, worst = np.random.default_rng(11), Counter(), 0.0
    for number in range(options.problems):
        parts, text = problem(draw)
        exact, scale = pooled(parts)
        used, error, _ = ours(parts, Trace(parts, exact, scale), "rounds")
        counts[used] += 1
        worst = max(worst, error)
        if used > 4 or error > TARGET:
            print(f"  problem {number}: {used} rounds, error {error:.0e} ({text})", flush=True)
    if options.problems:
        print(
            f"{options.problems} random problems: " + ", ".join(f"{n} in {used} rounds" for used, n in sorted(counts.items())) + f"; largest error {worst:.0e}"
        )


if __name__ == "__main__":
    main()
