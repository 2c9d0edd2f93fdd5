"""What scripts import: `from penstock.transform.api import Event, TimeUtils, Utils`."""

from penstock.transforms.python.api.event import Event
from penstock.transforms.python.api.properties import Properties
from penstock.transforms.python.api.timeutils import TimeUtils
from penstock.transforms.python.api.utils import Utils

__all__ = ["Event", "Properties", "TimeUtils", "Utils"]
