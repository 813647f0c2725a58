"""What every model shares."""

from __future__ import annotations

import os
from typing import Any

from summable import files
from summable.core.errors import SourceError
from summable.core.wire import from_json


def load(path: str | os.PathLike[str]) -> Any:
    """The fit that was saved to a file.

    Raises `SourceError` when the file is missing or holds no fit.
    """
    from summable.models import linear  # noqa: F401  (its words must be known before they are read)

    try:
        return from_json(files.read(path))
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path} holds no saved fit ({error})", "Give a file that fit.save wrote.") from error
