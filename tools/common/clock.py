"""The real clocks, which programs pass to the library."""

import time

from tfoptcmp.study.clock import Clock

CLOCK = Clock(now=time.time, monotonic=time.monotonic)
