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
    from summable.models.glm import GeneralizedFit  # the words must be known before they are read
    from summable.models.linear import LinearFit
    from summable.models.several import LinearFits
    from summable.models.trained import Trained

    text = files.read(path)
    try:
        fit = from_json(text)
    except (ValueError, KeyError, TypeError) as error:  # a torn file, an unknown word, another version
        raise SourceError(f"{path} holds no saved fit ({str(error).rstrip('.')})", "Give a file that fit.save wrote.") from error
    if not isinstance(fit, LinearFit | LinearFits | GeneralizedFit | Trained):
        raise SourceError(f"{path} holds no saved fit but a {type(fit).__name__}", "Give a file that fit.save wrote.")
    return fit
