"""Exact models over data that are split: a fit is a function of a sum, and every communication is a `yield`.

The names below are the public ones. They are imported when first used, so that `import summable` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from summable.core.errors import DataError as DataError
    from summable.core.errors import FormulaError as FormulaError
    from summable.core.errors import SourceError as SourceError
    from summable.core.errors import SummableError as SummableError
    from summable.core.errors import SummableWarning as SummableWarning
    from summable.core.errors import Unsupported as Unsupported
    from summable.core.run import Ledger as Ledger
    from summable.core.run import Round as Round
    from summable.core.run import run as run
    from summable.maths import families as families
    from summable.maths import links as links
    from summable.models.base import load as load
    from summable.models.generalized import GammaRegressor as GammaRegressor
    from summable.models.generalized import LogisticRegression as LogisticRegression
    from summable.models.generalized import PoissonRegressor as PoissonRegressor
    from summable.models.generalized import TweedieRegressor as TweedieRegressor
    from summable.models.glm import GeneralizedFit as GeneralizedFit
    from summable.models.glm import glm as glm
    from summable.models.linear import LinearFit as LinearFit
    from summable.models.linear import ols as ols
    from summable.models.regression import LinearRegression as LinearRegression
    from summable.models.regression import Ridge as Ridge
    from summable.models.several import LinearFits as LinearFits
    from summable.models.train import Trained as Trained
    from summable.models.train import train as train
    from summable.open import Dataset as Dataset
    from summable.open import engine as engine
    from summable.open import scan as scan
    from summable.solvers.newton import Outcome as Outcome

PUBLIC = {
    "ols": "models.linear", "LinearFit": "models.linear", "LinearFits": "models.several", "load": "models.base",
    "glm": "models.glm", "GeneralizedFit": "models.glm", "Outcome": "solvers.newton",
    "LinearRegression": "models.regression", "Ridge": "models.regression",
    "LogisticRegression": "models.generalized", "PoissonRegressor": "models.generalized",
    "GammaRegressor": "models.generalized", "TweedieRegressor": "models.generalized",
    "train": "models.train", "Trained": "models.train",
    "scan": "open", "engine": "open", "Dataset": "open",
    "run": "core.run", "Ledger": "core.run", "Round": "core.run",
    "SummableError": "core.errors", "DataError": "core.errors", "FormulaError": "core.errors", "SourceError": "core.errors",
    "Unsupported": "core.errors", "SummableWarning": "core.errors",
}  # fmt: skip

ROOMS = {"families": "maths.families", "links": "maths.links"}  # modules that are public as they are

__all__ = [*PUBLIC, *ROOMS, "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in ROOMS:
        return import_module(f"summable.{ROOMS[name]}")
    if name not in PUBLIC:
        raise AttributeError(f"module 'summable' has no attribute {name!r}")
    return getattr(import_module(f"summable.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
