"""What a transformation takes and gives."""

from __future__ import annotations

from typing import Protocol

from penstock.core.events import Events as Events
from penstock.core.events import Refused as Refused
from penstock.core.events import Transformed as Transformed


class Transformer(Protocol):
    """A deployed transformation. One thread calls it at a time; batches come in order."""

    def transform(self, events: Events) -> Transformed:
        """What became of these events.

        Raises:
            PenstockError: the transformation itself cannot run; of a single event that
                cannot pass, `Transformed.refused` tells.
        """

    def close(self) -> None:
        """End its processes."""
