"""Exact models over data that are split: a fit is a function of a sum, and every communication is a `yield`.

The names below are the public ones. They are imported when first used, so that `import summable` costs nothing; `scripts/tables`
spells them out for type checkers, in `__init__.pyi`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from summable.models.table import MODELS

__version__ = "0.1.0"

PUBLIC = {
    "ols": "models.linear", "LinearFit": "models.linear", "LinearFits": "models.several", "load": "models.base",
    "glm": "models.glm", "GeneralizedFit": "models.glm", "Outcome": "solvers.optimum",
    "cost": "models.comparison", "Network": "maths.network",
    **{name: model.full_module for name, model in MODELS.items()},
    "describe": "models.describe", "Description": "models.describe",
    "train": "models.train", "Trained": "models.trained",
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
