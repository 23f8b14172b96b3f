"""What the garbage collector is spared: all that was there before the first request."""

import gc
from typing import Final

YOUNG: Final = 50_000
"""Objects made before the collector looks at the youngest: a page makes some thousands, which go
by themselves when it is answered."""


def settle() -> None:
    """Never look through what is there by now again, and seldom through what is made after."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
