"""Results as pages and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from summable.core.design import Design
from summable.core.errors import Unsupported
from summable.core.html import table
from summable.core.run import Ledger
from summable.core.statistic import Array
from summable.maths.network import NETWORKS, Network
from summable.solvers.least_squares import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from summable.models.glm import GeneralizedFit
    from summable.models.labelled import Labelled
    from summable.models.linear import LinearFit


WIDTH = 78


def tidy(fit: Labelled, alpha: float) -> pd.DataFrame:
    """A row for each coefficient."""
    import pandas as pd

    names = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
    return pd.DataFrame({"term": list(fit.coding.names), **dict(zip(names, _table(fit, alpha).T, strict=True))})


def summary(fit: LinearFit, alpha: float) -> str:
    """The page that `summary` gives."""
    parts = [_title(fit), _head(fit), _coefficients(fit, alpha), _notes(fit), ledger(fit.ledger, raw_bytes(fit))]
    return "\n".join(parts)


def html(fit: LinearFit) -> str:
    """The coefficients as a table for notebooks."""
    head = ("", "coef", "std err", "t", "P>|t|", "[0.025", "0.975]")
    rows = [(name, "aliased", *[""] * 5) if np.isnan(v[0]) else (name, *map(_number, v[:3]), _p(v[3]), *map(_number, v[4:])) for name, v in _named(fit)]
    note = f"{fit.nobs:,.6g} observations, {fit.dropped:,} dropped as missing, R² = {fit.rsquared:.4f}, scale {_number(fit.scale)}"
    return table(f"Least squares: {fit.formula}", head, rows, note)


def _named(fit: LinearFit) -> list[tuple[str, Array]]:
    return list(zip(fit.coding.names, _table(fit, 0.05), strict=True))


def raw_bytes(fit: LinearFit) -> int:
    """What the rows themselves would weigh: eight bytes for each value of each column used."""
    return raw(fit.solution.products.rows, fit.design)


def raw(rows: Array, design: Design) -> int:
    """The same of so many rows kept and dropped, (2,), under a design."""
    return int(rows.sum()) * len(set(design.names)) * 8


def generalized(fit: GeneralizedFit, alpha: float) -> str:
    """The page that the summary of a generalized linear fit gives."""
    title = f"Generalized linear model, {fit.loss.name}".center(WIDTH).rstrip()
    account = ledger(fit.ledger, raw(fit.solution.opening.rows, fit.design), NETWORKS[fit.network])
    return "\n".join([title, _generalized_head(fit), _coefficients(fit, alpha, "z"), _generalized_notes(fit), account])


def _generalized_head(fit: GeneralizedFit) -> str:
    left = [
        ("Response", fit.formula.split("~")[0].strip()), ("Observations", f"{fit.nobs:,.6g}" if fit.nobs % 1 else f"{fit.nobs:,.0f}"),
        ("Dropped as missing", f"{fit.dropped:,}"), ("Residual df", f"{fit.df_resid:,.6g}" if fit.df_resid % 1 else f"{fit.df_resid:,.0f}"),
        ("Model df", f"{fit.df_model:.0f}"), ("Scale", _number(fit.scale)), ("Pseudo R-squared", _number(fit.pseudo_rsquared("cs"))),
    ]  # fmt: skip
    right = [
        ("Deviance", _number(fit.deviance)), ("Null deviance", _number(fit.null_deviance)), ("Pearson chi2", _number(fit.pearson_chi2)),
        ("Log-likelihood", _number(fit.llf)), ("AIC", _number(fit.aic)), ("BIC", _number(fit.bic)), ("Rounds", str(len(fit.ledger.fitting))),
    ]  # fmt: skip
    lines = [f"{a + ':':<20}{b:>16}   {c + ':':<23}{d:>16}" for (a, b), (c, d) in zip(left, right, strict=True)]
    return "\n".join(["=" * WIDTH, *lines, "=" * WIDTH])


def _generalized_notes(fit: GeneralizedFit) -> str:
    known = fit.certificate
    notes = [] if fit.warnings and fit.outcome.value in fit.warnings[-1] else [fit.outcome.value]
    if fit.solver.solver not in ("newton", "firth"):
        notes.append(f"Solver {fit.solver.solver}: {fit.solver.because}.")
    if fit.solver.solver == "firth":
        notes.append(f"Penalised log-likelihood, with half the log determinant of the information: {_number(fit.penalised_llf)}.")
    if beside := fit.overdispersion:
        notes.append(f"Alpha, estimated in {_count(beside.rounds, 'round')}: {_number(beside.value)}, standard error {_number(beside.error)}.")
    if fit.sampling:
        notes.append(fit.sampling.note)
    if fit.success:
        notes.append(f"A success is {fit.success}.")
    notes.append(f"At the last summed point, over all rows: largest scaled gradient {known.gradient:.1e}, Newton decrement {known.decrement:.1e}.")
    notes.append(f"Left after the last step, estimated: {known.error:.1e} standard errors, {known.relative:.1e} of the coefficients.")
    if np.isfinite(known.bound):
        notes.append(f"Proved, by self-concordance over all rows: the optimum lies within {known.bound:.1e} standard errors.")
    if fit.weight_kind == "sampling":
        notes.append("Sampling weights: no classical standard error applies.")
    if fit.solution.penalised:
        notes.append("Penalised: no classical standard error applies.")
    return "\n".join(f"* {note}" for note in [*notes, *fit.warnings]) + "\n"


def ledger(account: Ledger, raw: int, network: Network | None = None) -> str:
    """The account of every round, and what it adds up to; what the answers were foretold to weigh, where that was asked."""
    told = any(line.foretold is not None for line in account.rounds)
    name, numbers, foretold = ("<15", ">10", f"{'foretold':>9}") if told else ("<12", ">14", "")
    lines = ["What it cost to distribute".center(WIDTH).rstrip(), "=" * WIDTH]
    head = f"{'round':<8}{'measure':{name}}{'parts':>7}{'numbers' if told else 'numbers each':{numbers}}"
    lines.append(f"{head}{'bytes down':>{11 if told else 12}}{'bytes up':>{10 if told else 11}}{foretold}{'seconds':>{8 if told else 10}}")
    fitting = 0
    for line in account.rounds:
        fitting += not line.learns_design
        label = "design" if line.learns_design else str(fitting)
        first = f"{label:<8}{line.measure:{name}}{line.parts:>7,}{line.numbers:{numbers},}"
        beside = f"{'—' if line.foretold is None else f'{line.foretold:,}':>9}" if told else ""
        lines.append(f"{first}{line.down:>{11 if told else 12},}{line.up:>{10 if told else 11},}{beside}{line.seconds:>{8 if told else 10}.3f}")
    learning = len(account.rounds) - fitting
    rounds = f"{_count(fitting, 'round')} to fit" + (f", and {learning} to learn the design" if learning else "")
    lines += ["-" * WIDTH, f"{rounds}. Sent by all parts, both ways: {size(account.nbytes)}; the raw rows weigh {size(raw)}."]
    deepest = max((line.depth for line in account.rounds), default=1)
    lines += [f"Answers were added up on their way, in trees of up to {deepest} levels."] * (deepest > 1)
    lines += ["Features were rounded to float32; all sums of them are in float64."] * any(line.short for line in account.rounds)
    lines += [*_on_the_wire(account, network), *_replayed(account), "=" * WIDTH]
    return "\n".join(lines)


def _on_the_wire(account: Ledger, network: Network | None) -> list[str]:
    """How long the rounds take between parts that answer at once, where it was said what lies between them."""
    if network is None or network.name == "machine":
        return []
    seconds = [network.seconds(line.parts, line.down, line.up) for line in account.rounds if not line.learns_design]
    each = ", ".join(f"{one:.2g}" for one in seconds[:12]) + (", …" if len(seconds) > 12 else "")
    return [f"Foretold for the wire ({network.name}, a {network.shape}): {each} s; {sum(seconds):.2g} s for all that fit."]


def _replayed(account: Ledger) -> list[str]:
    """Which answers came from a journal, and were not asked of the parts in this run."""
    marks, fitting = [], 0
    for line in account.rounds:
        fitting += not line.learns_design
        if line.replayed:
            name = line.measure if line.learns_design else f"round {fitting}"
            marks.append(f"{name} ({line.replayed:,} of {line.parts:,} parts)")
    return [f"Replayed from a journal, so sent in an earlier run: {', '.join(marks)}; {size(account.replayed)}."] if marks else []


def size(nbytes: float) -> str:
    """Bytes in a unit that reads well."""
    for unit in ("B", "kB", "MB", "GB"):
        if nbytes < 1000:
            return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.1f} TB"


def _title(fit: LinearFit) -> str:
    kind = "Weighted" if any(role == "weight" for role, _ in fit.design.roles) else "Ordinary"
    return f"{kind} least squares".center(WIDTH).rstrip()


def _head(fit: LinearFit) -> str:
    about = "" if fit.solution.constant else " (uncentred)"
    known = fit.weight_kind != "sampling"
    left = [
        ("Response", fit.formula.split("~")[0].strip()), ("Observations", f"{fit.nobs:,.6g}" if fit.nobs % 1 else f"{fit.nobs:,.0f}"),
        ("Dropped as missing", f"{fit.dropped:,}"), ("Residual df", f"{fit.df_resid:,.6g}" if fit.df_resid % 1 else f"{fit.df_resid:,.0f}"),
        ("Model df", f"{fit.df_model:.0f}"), ("Scale", _number(fit.scale)), ("Condition number", f"{fit.condition_number:.3g}"),
    ]  # fmt: skip
    right = [
        (f"R-squared{about}", f"{fit.rsquared:.4f}"), ("Adj. R-squared", f"{fit.rsquared_adj:.4f}"),
        ("F-statistic", _number(fit.fvalue) if known else "—"), ("Prob (F-statistic)", f"{fit.f_pvalue:.3g}" if known else "—"),
        ("Log-likelihood", _number(fit.llf)), ("AIC", _number(fit.aic)), ("BIC", _number(fit.bic)),
    ]  # fmt: skip
    lines = [f"{a + ':':<20}{b:>16}   {c + ':':<23}{d:>16}" for (a, b), (c, d) in zip(left, right, strict=True)]
    return "\n".join(["=" * WIDTH, *lines, "=" * WIDTH])


def _coefficients(fit: Labelled, alpha: float, letter: str = "t") -> str:
    names = fit.coding.names
    wide = max([WIDTH - 60, *(len(name) + 1 for name in names)])
    head = f"{'':<{wide}}{'coef':>10}{'std err':>10}{letter:>10}{f'P>|{letter}|':>8}{f'[{alpha / 2:g}':>11}{f'{1 - alpha / 2:g}]':>11}"
    lines = [head, "-" * max(WIDTH, wide + 60)]
    for name, values in zip(names, _table(fit, alpha), strict=True):
        coef, se, t, p, low, high = values
        if np.isnan(coef):
            lines.append(f"{name:<{wide}}{'aliased':>10}")
        else:
            lines.append(f"{name:<{wide}}{_number(coef):>10}{_number(se):>10}{_number(t):>10}{_p(p):>8}{_number(low):>11}{_number(high):>11}")
    return "\n".join([*lines, "=" * max(WIDTH, wide + 60)])


def _table(fit: Labelled, alpha: float) -> Array:
    coef = fit.inference.estimates.coef
    try:
        return np.column_stack([coef, fit.inference.bse, fit.inference.tvalues, fit.inference.pvalues, fit.inference.intervals(alpha)])
    except Unsupported:
        return np.column_stack([coef, np.full((len(coef), 5), np.nan)])


def _notes(fit: LinearFit) -> str:
    outcomes = [Outcome[name].value for name in fit.solution.outcomes]
    notes = [*outcomes, f"Of 16 digits, the condition of the scaled columns leaves the solve about {max(fit.solution.digits, 0):.0f}.", *fit.warnings]
    if fit.sampling:
        notes.append(fit.sampling.note)
    if fit.weight_kind == "sampling":
        notes.append("Sampling weights: no classical standard error applies.")
    return "\n".join(f"* {note}" for note in notes) + "\n"


def _number(value: float) -> str:
    """Six significant digits at most, in at most ten characters."""
    if np.isnan(value):
        return "—"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3e}" if abs(value) < 1e-3 or abs(value) >= 1e7 else f"{value:.1f}"


def _p(value: float) -> str:
    return "—" if np.isnan(value) else f"{value:.3f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
