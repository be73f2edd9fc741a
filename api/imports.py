"""Importing a lot at once."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def quick() -> Generator[None]:
    """Look for no garbage meanwhile: what is imported is none, and walking over it again and again would be a quarter of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
