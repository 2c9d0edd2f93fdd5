"""What a transformation takes and gives."""

from __future__ import annotations

from penstock.core.events import Events as Events
from penstock.core.events import Refused as Refused
from penstock.core.events import Transformed as Transformed
from penstock.core.events import Transformer as Transformer
