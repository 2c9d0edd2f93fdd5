"""A table is read back as it is, or refused: a value never reads as null."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.destination import MySql
from penstock.core.errors import DataError
from penstock.sdk.conformance.kit import Loads
from penstock.sdk.destination import TableRead

pytestmark = pytest.mark.mysql

SHAPE = pa.schema([("id", pa.int64()), ("v", pa.string()), ("b", pa.binary())])


@pytest.mark.parametrize(
    "large", [{"v": None, "b": b"\xff" * 13_000_000}, {"v": "x" * 16_777_215, "b": b""}]
)
def test_a_value_of_which_the_server_makes_no_text_is_not_null(
    maria_url: str, tmp_path: Path, large: dict[str, object]
) -> None:
    rows = [
        {"id": 1, "v": '\n"\x0e,', "b": b"\n"},
        {"id": 2, "v": "", "b": None},
        {"id": 3, **large},
    ]
    load = Loads(tmp_path)(rows, shape=SHAPE)
    with closing(MySql(Config.model_validate({"url": maria_url}))) as destination:
        destination.evolve(load.table, load.schema, load.key, mode=load.mode)
        destination.load(load)
        wanted = TableRead(load.table, ("id", "v", "b"), ("id",))
        with pytest.raises(DataError) as raised:
            list(destination.read(wanted))
        assert raised.value.code == "destination.row_size"
        with destination.transaction() as tx:
            tx.run(f'DELETE FROM "{load.table}" WHERE id = 3')
        found = [row for batch in destination.read(wanted) for row in batch.to_pylist()]
    assert found == [{"id": 1, "v": '\n"\x0e,', "b": "Cg=="}, {"id": 2, "v": "", "b": None}]
