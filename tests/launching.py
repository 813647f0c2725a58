"""Programs that start processes of their own: whatever hangs is ended, with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def launched(*command, timeout=300, **environment):
    """What Python prints when it runs a command: (exit status, standard output, standard error). Raises where it is not over in time."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    with subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: its ranks hold its pipes open
            _, err = process.communicate()
            raise AssertionError(f"not over after {timeout} seconds: {err[-3000:]}") from None
    return process.returncode, out, err
