"""How a destination keeps our times (pipelines.md 3.4); light, as settings forms need it."""

from typing import Literal

Instants = Literal["EPOCH_MS", "TIMESTAMP"]
