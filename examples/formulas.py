"""What formulas can say: splines, polynomials, contrasts, the dot, and what a fit tells of its columns.

python examples/formulas.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import summable as sm

FORMULAS = [
    "demand ~ temperature + day",
    "demand ~ poly(temperature, 2) + C(day, contr.sum)",
    "demand ~ bs(temperature, df=5) + day",
    "demand ~ cc(hour, df=5, constraints='center') * day + bs(temperature, df=5)",
    "log(demand) ~ . - hour + cr(hour, df=4, constraints='center')",
]


def consumption(rows: int, seed: int) -> pd.DataFrame:
    """Hours of a year in one town: demand has a daily wave, and rises with both cold and heat."""
    draw = np.random.default_rng(seed)
    hour, day = np.arange(rows) % 24.0, np.where((np.arange(rows) // 24) % 7 < 5, "weekday", "weekend")
    temperature = (15 + 12 * np.sin(np.arange(rows) / 1400 + seed) + draw.normal(0, 3, rows)).round(1)
    wave = 40 + 8 * np.sin((hour - 9) * np.pi / 12) * np.where(day == "weekday", 1.0, 0.4)
    return pd.DataFrame({"hour": hour, "day": day, "temperature": temperature, "demand": wave + 0.05 * (temperature - 18) ** 2 + draw.normal(0, 2, rows)})


def main(folder: Path) -> None:
    """Write a file for each town, fit every formula to all of them, and look closer at the best."""
    folder.mkdir(parents=True, exist_ok=True)
    for town in range(4):
        consumption(4000, town).to_parquet(folder / f"town-{town}.parquet", index=False)
    towns = [str(folder / f"town-{town}.parquet") for town in range(4)]
    for formula in FORMULAS:
        fit = sm.ols(formula, towns)
        rounds = " ".join(line.measure for line in fit.ledger.rounds)
        print(f"R² = {fit.rsquared:.4f} with {len(fit.params):2} coefficients  {formula}\n    {rounds}")
    best = sm.ols(FORMULAS[3], towns[:3])
    print(f"\nThree towns: {best.nobs:,.0f} rows. The fourth is added without reading them again: {best.update(towns[3]).nobs:,.0f} rows.")
    print(f"Durbin–Watson {best.durbin_watson(towns[:3]):.2f}; greatest variance inflation {best.vif.iloc[1:].max():.1f}")
    best.plot().figure.savefig(folder / "coefficients.png")
    print("The coefficients are drawn in coefficients.png.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
