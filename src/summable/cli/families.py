"""Families as the command line spells them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from summable import families

FAMILY = "binomial, poisson, gamma, inverse_gaussian, gaussian, tweedie(POWER), negative_binomial or negative_binomial(ALPHA)."
PARAMETER = re.compile(r"(\w+)\((\d*\.?\d+)\)")


def named(family: str) -> str | families.Family:
    """The family of a name, which for two of them ends in a number, like "tweedie(1.5)"."""
    from summable import families

    match PARAMETER.fullmatch(family):
        case re.Match() as found if found[1] == "tweedie":
            return families.Tweedie(float(found[2]))
        case re.Match() as found if found[1] == "negative_binomial":
            return families.NegativeBinomial(float(found[2]))
    return family
