"""How many threads BLAS may use: one, while others are busy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController


class _OneBlasThread:
    """BLAS held to one thread while any fit of this process asks for that: the last one out gives the others back."""

    def __init__(self) -> None:
        self.lock, self.inside, self.modules = Lock(), 0, 0
        self.controller: Any = None
        self.limits: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.limits = self._libraries().limit(limits=1, user_api="blas")
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if self.inside == 0:
                    self.limits.restore_original_limits()

    def _libraries(self) -> Any:
        """The BLAS of this process, looked for again only if modules were imported since: it takes milliseconds."""
        if self.controller is None or len(sys.modules) != self.modules:
            self.controller, self.modules = ThreadpoolController(), len(sys.modules)
        return self.controller


one_blas_thread = _OneBlasThread()
