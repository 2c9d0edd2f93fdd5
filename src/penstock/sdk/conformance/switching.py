"""A pipeline's load mode is changed while its table holds rows (pipelines.md 4.2)."""

from __future__ import annotations

import pytest

from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.sdk.conformance.kit import PEOPLE, Loads, Suite, read
from penstock.sdk.conformance.merging import counts
from penstock.sdk.conformance.versions import MS, OPEN_END, VERSIONS, at, ms
from penstock.sdk.sql import SqlDestination


class Switching(Suite):
    """Tests of tables that were filled in another mode."""

    @pytest.fixture
    def able(self, destination: SqlDestination) -> SqlDestination:
        for mode in WriteMode:
            self.needs(destination, mode)
        return destination

    def test_append_to_merge_keeps_old_duplicates_and_updates_the_newest(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        for hour, v in ((10, "a"), (11, "b")):
            self.put(able, loads([{"id": 1, "v": v, "at": ms(hour)}], WriteMode.APPEND))
        same = self.put(able, loads([{"id": 1, "v": "b", "at": ms(12)}]))
        assert counts(same) == (0, 0, 0, 1)
        changed = loads([{"id": 1, "v": "c", "at": ms(13)}, {"id": 2, "v": "x", "at": ms(13)}])
        assert counts(self.put(able, changed)) == (1, 1, 0, 0)
        assert read(able, "id", "v") == [(1, "a"), (1, "c"), (2, "x")]
        gone = self.put(able, loads([{"id": 1, "op": "D", "at": ms(14)}]))
        assert counts(gone) == (0, 0, 1, 0)
        assert read(able, "id", "v", "_ps_deleted") == [
            (1, "a", False), (1, "c", True), (2, "x", False)
        ]  # fmt: skip

    def test_equal_duplicates_become_one_row_when_their_key_changes(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        self.put(able, loads([{"id": 1, "v": "a", "at": ms(10)}] * 2, WriteMode.APPEND))
        assert counts(self.put(able, loads([{"id": 1, "v": "b", "at": ms(11)}]))) == (0, 1, 0, 0)
        assert read(able, "id", "v") == [(1, "b")]

    def test_merge_to_append_takes_every_version(self, able: SqlDestination, loads: Loads) -> None:
        self.put(able, loads([{"id": 1, "v": "a", "at": ms(10)}]))
        added = self.put(able, loads([{"id": 1, "v": "b", "at": ms(11)}], WriteMode.APPEND))
        assert counts(added) == (1, 0, 0, 0)
        assert read(able, "id", "v") == [(1, "a"), (1, "b")]
        back = self.put(able, loads([{"id": 1, "v": "c", "at": ms(12)}]))
        assert counts(back) == (0, 1, 0, 0)
        assert read(able, "id", "v") == [(1, "a"), (1, "c")]

    @pytest.mark.parametrize("before", [WriteMode.MERGE, WriteMode.APPEND])
    def test_a_history_takes_the_rows_over_as_first_versions(
        self, able: SqlDestination, loads: Loads, before: WriteMode
    ) -> None:
        rows = [{"id": n, "v": "a", "at": ms(10)} for n in (1, 2)]
        self.put(able, loads(rows, before))
        later = [{"id": 1, "v": "b", "at": ms(12)}, {"id": 2, "v": "a", "at": ms(12)}]
        assert counts(self.put(able, loads(later, WriteMode.HISTORY))) == (0, 1, 0, 1)
        assert read(able, *VERSIONS) == [
            (1, at(10), at(12) - MS, False, "a"),
            (1, at(12), OPEN_END, True, "b"),
            (2, at(10), OPEN_END, True, "a"),
        ]

    def test_a_row_that_was_flagged_as_deleted_is_a_closed_version(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        self.put(able, loads([{"id": 1, "v": "a", "at": ms(10), "changed": ms(8)}], modified=True))
        self.put(able, loads([{"id": 1, "op": "D", "at": ms(11)}], modified=True))
        back = {"id": 1, "v": "a", "at": ms(13), "changed": ms(13)}
        receipt = self.put(able, loads([back], WriteMode.HISTORY, modified=True))
        assert counts(receipt) == (1, 0, 0, 0)
        assert read(able, *VERSIONS) == [
            (1, at(8), at(11) - MS, False, "a"),
            (1, at(13), OPEN_END, True, "a"),
        ]

    def test_a_plan_shows_how_rows_become_versions(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        load = loads([{"id": 1, "v": "a"}])
        self.put(able, load)
        planned = able.changes("people", load.schema, ("id",), mode=WriteMode.HISTORY)
        done = able.evolve("people", load.schema, ("id",), mode=WriteMode.HISTORY)
        assert planned == done != []
        assert able.changes("people", load.schema, ("id",), mode=WriteMode.HISTORY) == []

    def test_a_history_cannot_begin_with_several_rows_of_a_key(
        self, able: SqlDestination, loads: Loads
    ) -> None:
        for v in "ab":
            self.put(able, loads([{"id": 1, "v": v}], WriteMode.APPEND))
        self.refused(able, WriteMode.HISTORY)
        with pytest.raises(ConfigError):
            self.put(able, loads([{"id": 1, "v": "c"}], WriteMode.HISTORY))
        assert read(able, "id", "v") == [(1, "a"), (1, "b")]

    @pytest.mark.parametrize("mode", [WriteMode.MERGE, WriteMode.APPEND])
    def test_a_history_does_not_become_anything_else(
        self, able: SqlDestination, loads: Loads, mode: WriteMode
    ) -> None:
        self.put(able, loads([{"id": 1, "v": "a", "at": ms(10)}], WriteMode.HISTORY))
        self.refused(able, mode)
        with pytest.raises(ConfigError):
            self.put(able, loads([{"id": 1, "v": "b", "at": ms(11)}], mode))
        assert read(able, *VERSIONS) == [(1, at(10), OPEN_END, True, "a")]

    def test_a_full_reload_changes_any_mode(self, able: SqlDestination, loads: Loads) -> None:
        if not able.capabilities.publish:
            pytest.skip("full reloads are not declared")
        self.put(able, loads([{"id": 1, "v": "a"}], WriteMode.HISTORY))
        self.put(able, loads([{"id": 1, "v": "b"}], generation=1))
        able.publish("people", 1)
        able.check_modes({"people": (("id",), WriteMode.MERGE)})
        assert counts(self.put(able, loads([{"id": 1, "v": "c", "at": 200}]))) == (0, 1, 0, 0)
        assert read(able, "id", "v") == [(1, "c")]

    def refused(self, able: SqlDestination, mode: WriteMode) -> None:
        """In words, and before a row is read."""
        able.check_modes({"nowhere": (("id",), mode)})
        for look in (
            lambda: able.check_modes({"people": (("id",), mode)}),
            lambda: able.changes("people", PEOPLE, ("id",), mode=mode),
        ):
            with pytest.raises(ConfigError) as caught:
                look()
            assert caught.value.code == "config.mode_switch"
            assert "--full-refresh" in (caught.value.hint or "")
