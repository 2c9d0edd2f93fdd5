"""`from penstock.transform.api import Event, TimeUtils, Utils`: the same names as in the sandbox.

For editors, type checkers and tests of scripts outside of it.
"""

from penstock.transforms.python.api import Event, Properties, TimeUtils, Utils

__all__ = ["Event", "Properties", "TimeUtils", "Utils"]
