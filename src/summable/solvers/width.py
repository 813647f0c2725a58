"""How many features a matrix of their products can have."""

from __future__ import annotations

from summable.core.design import WIDEST, Design
from summable.core.errors import Unsupported


def refuse_wide(design: Design) -> None:
    """Refuse a design whose X'X fits no memory, before a row is read."""
    if design.width > WIDEST:
        raise Unsupported(
            f"X'X of {design.width:,} features takes {8e-9 * design.width**2:,.0f} GB, and the most that is formed is of {WIDEST:,}",
            'Merge rare levels or leave columns out; or take gradients, by summable.train(…, method="cg") or L-BFGS, method="lbfgs", which need no X\'X.',
        )
