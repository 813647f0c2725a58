"""Small things that several tests use."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def submodules(package: ModuleType) -> list[ModuleType]:
    """Every module of a package, imported."""
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    return [importlib.import_module(info.name) for info in found if not info.name.endswith("__main__")]
