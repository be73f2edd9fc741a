"""The end of a process that was told to stop: in order, or by force when that takes too long.

Nothing else can promise it. A frozen database, a name server that does not answer, a plug-in that hangs: each holds up a thread or a task
that no cancellation reaches, and Python waits for its threads. What is cut off is what a kill -9 cuts off, which everything here survives.
"""

import logging
import os
import threading
import time

ORDER = 7.5  # seconds, from being told, until everything but the embedded database has ended
LAST = 9.5  # seconds until the whole process has ended

log = logging.getLogger(__name__)


class Ending:
    """Counts from the moment when the process was first told to stop."""

    def __init__(self) -> None:
        self._told: float | None = None
        self._timer: threading.Timer | None = None

    def begin(self, seconds: float) -> None:
        """The process was told to stop: so long after the first word it ends by force."""
        self._told = self._told or time.monotonic()
        self.extend(seconds)

    def extend(self, seconds: float) -> None:
        """Move that moment, if the process was told to stop at all."""
        if self._told is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(max(0.0, self._told + seconds - time.monotonic()), _force)
        self._timer.daemon = True
        self._timer.start()


def _force() -> None:
    log.error("The process did not end in time; it ends by force.")
    os._exit(1)


process = Ending()
