"""Nested data in the shape that a destination takes: five strategies, chosen path by path.

Between a transformation and the mapper. `Shaper.shape` takes events and gives events: those
themselves, and children of arrays under names of their own. See docs/guides/nested-data.md.
"""

from __future__ import annotations

from penstock.nested.names import InMemory as InMemory
from penstock.nested.names import NameStore as NameStore
from penstock.nested.names import PathNames as PathNames
from penstock.nested.nesting import Nested as Nested
from penstock.nested.nesting import Nesting as Nesting
from penstock.nested.present import newest as newest
from penstock.nested.present import present as present
from penstock.nested.settings import ArrayIndex as ArrayIndex
from penstock.nested.settings import NestedSettings as NestedSettings
from penstock.nested.settings import Strategy as Strategy
from penstock.nested.settings import resolved as resolved
from penstock.nested.shaped import Children as Children
from penstock.nested.shaped import Shaped as Shaped
from penstock.nested.shaper import Shaper as Shaper
