"""Keys that are longer than what an index row of the server holds."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.destination import Postgres
from penstock.core.errors import DataError
from penstock.sdk.conformance.kit import Loads, read

pytestmark = pytest.mark.postgres


def test_a_key_too_long_for_the_index_is_refused_alone(postgres_url: str, tmp_path: Path) -> None:
    shape = pa.schema([("id", pa.string()), ("v", pa.string())])
    # Text that compresses badly: the server packs what repeats.
    long = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=5_000))
    rows = [{"id": key, "v": "x"} for key in ("short", long, "b" * 2_000)]
    destination = Postgres(Config.model_validate({"url": postgres_url}))
    load = Loads(tmp_path)(rows, shape=shape)
    with pytest.raises(DataError):
        destination.load(load)
    (refused,) = destination.refused(load)
    assert (refused.index, refused.code) == (1, "VALUE_TOO_LONG")
    destination.load(Loads(tmp_path)([rows[0], rows[2]], shape=shape))
    assert [len(key) for (key,) in read(destination, "id")] == [2_000, 5]
    destination.close()
