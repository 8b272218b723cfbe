"""The seed of the chaos: DIFFCXR_CHAOS_SEED, or a drawn one; told, so that a failure can be replayed."""

from __future__ import annotations

import os
import random
import sys

VARIABLE = "DIFFCXR_CHAOS_SEED"


def chaos_seed() -> int:
    """The seed; pytest shows what it prints where a test fails."""
    drawn = int(os.environ.get(VARIABLE) or random.SystemRandom().randrange(2**32))
    sys.stdout.write(f"{VARIABLE}={drawn}\n")
    return drawn
