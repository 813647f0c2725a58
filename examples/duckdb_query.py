"""A DuckDB query as data: it is asked again for every pass, for the columns of the formula alone, and never held whole."""

from __future__ import annotations

import duckdb

import summable as sm

ROWS = "select i % 7 as day, sin(i) as x, 2 * sin(i) + (i % 7) / 10 + cos(i * i) as y, 'not read' as comment from range(100000) as r(i)"


def main() -> None:
    """Fit a query."""
    relation = duckdb.sql(ROWS)
    print(sm.ols("y ~ x + C(day)", relation).tidy().round(4))


if __name__ == "__main__":
    main()
