"""Full reloads: built aside, shown at once, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.sdk.conformance.kit import PEOPLE, Loads, Suite, read
from penstock.sdk.sql import SqlDestination

Opened = Callable[[], SqlDestination]


class Generations(Suite):
    """Tests of `publish`; left out where it is not declared."""

    @pytest.fixture
    def publishing(self, destination: SqlDestination) -> SqlDestination:
        if not destination.capabilities.publish:
            pytest.skip("publish is not declared")
        self.needs(destination, WriteMode.MERGE)
        return destination

    def test_publish_is_kept_or_refused(self, destination: SqlDestination, loads: Loads) -> None:
        if destination.capabilities.publish:
            return
        load = loads([{"id": 1, "v": "a"}], min(destination.capabilities.modes), generation=1)
        for call in (partial(self.put, destination, load), partial(destination.publish, "p", 1)):
            with pytest.raises(ConfigError) as raised:
                call()
            assert raised.value.code == "config.full_reload"
        assert destination.describe("people") is None

    def test_a_reload_is_shown_at_once(self, publishing: SqlDestination, loads: Loads) -> None:
        self.put(publishing, loads([{"id": 1, "v": "old"}, {"id": 2, "v": "old"}]))
        for n in (2, 3):
            self.put(publishing, loads([{"id": n, "v": "new", "at": 200}], generation=1))
            assert read(publishing, "id", "v") == [(1, "old"), (2, "old")]
        publishing.publish("people", 1)
        assert read(publishing, "id", "v") == [(2, "new"), (3, "new")]

    def test_publishing_twice_does_nothing(
        self, publishing: SqlDestination, reopened: Opened, loads: Loads
    ) -> None:
        self.put(publishing, loads([{"id": 1, "v": "new"}], generation=1))
        publishing.publish("people", 1)
        again = reopened()
        again.publish("people", 1)
        # A package of the same generation that comes late goes into the table itself.
        self.put(again, loads([{"id": 2, "v": "late"}], generation=1))
        again.publish("people", 1)
        assert read(again, "id", "v") == [(1, "new"), (2, "late")]

    def test_a_reload_of_nothing_leaves_the_table(
        self, publishing: SqlDestination, loads: Loads
    ) -> None:
        self.put(publishing, loads([{"id": 1, "v": "old"}]))
        publishing.publish("people", 1)
        assert read(publishing, "id", "v") == [(1, "old")]

    def test_a_given_up_reload_is_replaced_by_the_next(
        self, publishing: SqlDestination, loads: Loads
    ) -> None:
        self.put(publishing, loads([{"id": 1, "v": "one"}], generation=1))
        self.put(publishing, loads([{"id": 2, "v": "two"}], generation=2))
        publishing.publish("people", 2)
        assert read(publishing, "id", "v") == [(2, "two")]
        publishing.publish("people", 1)
        assert read(publishing, "id", "v") == [(2, "two")]

    def test_a_reload_may_have_another_shape(
        self, publishing: SqlDestination, loads: Loads
    ) -> None:
        self.put(publishing, loads([{"id": 1, "v": "old"}]))
        shape = pa.schema([("id", pa.int64()), ("w", pa.int32())])
        self.put(publishing, loads([{"id": 1, "w": 5}], shape=shape, generation=1))
        publishing.publish("people", 1)
        assert read(publishing, "id", "w") == [(1, 5)]
        self.put(publishing, loads([{"id": 1, "w": 6, "at": 200}], shape=shape, generation=1))
        assert read(publishing, "id", "w") == [(1, 6)]

    def test_the_longest_name_has_a_shadow_too(
        self, publishing: SqlDestination, loads: Loads
    ) -> None:
        table = "t" * publishing.capabilities.table_limit
        for generation in (0, 1):
            self.put(publishing, loads([{"id": 1, "v": "a"}], table=table, generation=generation))
        publishing.publish(table, 1)
        assert read(publishing, "id", table=table) == [(1,)]

    def test_nothing_of_ours_stays_but_the_ledger(
        self, publishing: SqlDestination, loads: Loads
    ) -> None:
        self.put(publishing, loads([{"id": 1, "v": "a"}]))
        self.put(publishing, loads([{"id": 1, "v": "b", "at": 200}], generation=1))
        publishing.publish("people", 1)
        found = publishing.query(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_name LIKE '!_ps!_%' ESCAPE '!'"
        )
        assert sorted(found.column(0).to_pylist()) == ["_ps_loads", "_ps_tables"]

    def test_an_evolved_shape_is_the_tables(self, publishing: SqlDestination) -> None:
        publishing.evolve("people", PEOPLE, ("id",), mode=WriteMode.MERGE, generation=1)
        assert publishing.describe("people") is None
        publishing.publish("people", 1)
        described = publishing.describe("people")
        assert described is not None
        assert described.names == ["id", "v", "_ps_loaded_at"]
