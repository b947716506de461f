"""The probe's tests. What it says in its log is for tests to look at, not for the terminal."""

import logging

logging.getLogger("afdscope_probe").addHandler(logging.NullHandler())
