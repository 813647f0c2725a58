"""Estimates and their intervals, drawn. Needs matplotlib: `pip install summable[plot]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from summable.core.errors import Unsupported
from summable.core.statistic import Array

if TYPE_CHECKING:
    from collections.abc import Sequence

INCHES = 0.28  # of height for each coefficient
INK, FAINT = "#1f4e79", "#b0b7bf"


def coefficients(names: Sequence[str], coef: Array, limits: Array, xlabel: str, axes: Any = None) -> Any:
    """A row for each coefficient, in order from above: a point, its interval (p, 2), and a line at zero. Returns the Axes."""
    axes = _axes(len(names)) if axes is None else axes
    at = range(len(names))
    axes.axvline(0.0, color=FAINT, linewidth=1.0, zorder=0)
    axes.hlines(at, limits[:, 0], limits[:, 1], color=INK, linewidth=2.0, alpha=0.55)
    axes.plot(coef, at, "o", color=INK, markersize=5.0)
    axes.set_yticks(at, names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(xlabel)
    axes.grid(axis="x", color=FAINT, linewidth=0.5, alpha=0.5)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return axes


def _axes(rows: int) -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise Unsupported("drawing needs matplotlib, which is not installed", "Install it: pip install 'summable[plot]'.") from error
    return pyplot.subplots(figsize=(7.0, 1.0 + INCHES * rows), layout="constrained")[1]
