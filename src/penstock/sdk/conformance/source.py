"""The suite that every source must pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar

import pytest

from penstock.core.batch import PER_ROW, Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.registry import Registry
from penstock.core.splits import LOG_SPLIT, history_split, stream_of
from penstock.core.stream import ReadMode, Split, Stream
from penstock.sdk.conformance.comparing import Comparing
from penstock.sdk.opening import open_source
from penstock.sdk.source import ReadContext, Source

Key = tuple[str, tuple[Any, ...]]


class SourceSuite(Comparing):
    """Subclass it as `TestName`, name the `type`, and give the fixtures.

    `settings` are good ones for a server that is small, complete and stands still; `refused`
    are those that differ when the login must fail.

        class TestTidewatch(SourceSuite):
            type = "tidewatch"

            @pytest.fixture
            def settings(self, server):
                return {"base_url": server.url, "token": "good"}

            @pytest.fixture
            def refused(self):
                return {"token": "wrong"}

    Args:
        batch_rows: so few that the server's streams need several batches.
    """

    type: ClassVar[str]
    batch_rows: ClassVar[int] = 50

    @pytest.fixture(autouse=True)
    def limits(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The rate limit of this test's account is its own."""
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    @pytest.fixture
    def source(self, settings: Mapping[str, Any]) -> Iterator[Source]:
        with self._opened(settings) as one:
            yield one

    def test_good_settings_pass_every_step_of_the_check(self, source: Source) -> None:
        steps = list(source.check())
        assert steps
        assert [step for step in steps if not step.ok] == []

    def test_a_refused_login_fails_at_a_named_step(
        self, settings: Mapping[str, Any], refused: Mapping[str, Any]
    ) -> None:
        with self._opened({**settings, **refused}) as source:
            *before, last = source.check()
        assert all(step.ok for step in before)
        assert not last.ok
        assert last.name

    def test_streams_have_names_of_their_own_and_splits_read_each_of_them_once(
        self, source: Source
    ) -> None:
        streams = source.discover()
        names = [stream.name for stream in streams]
        assert len(set(names)) == len(names)
        splits = source.plan(streams)
        logged = [stream.name for stream in streams if stream.mode is ReadMode.LOG]
        planned = [name for split in splits if not split.history for name in split.streams]
        assert sorted(planned) == sorted(names)
        for split in splits:
            if split.history:
                (name,) = split.streams
                assert name in names, split.name
                assert stream_of(split.name, {name}) == name
                assert split.after == (LOG_SPLIT if name in logged else None), split.name

    def test_history_that_was_read_is_not_planned_again(self, source: Source) -> None:
        streams = source.discover()
        marks = {history_split(stream.name): Checkpoint({}) for stream in streams}
        saved = {LOG_SPLIT: Checkpoint({}), **marks}
        assert not any(split.history for split in source.plan(streams, saved))

    def test_a_log_first_says_where_it_begins(self, source: Source) -> None:
        for split in source.plan(source.discover()):
            if split.name == LOG_SPLIT:
                first = next(iter(source.read(split, None, ReadContext())))
                assert first.op == PER_ROW
                assert first.num_rows == 0
                assert first.checkpoint

    def test_rows_of_history_are_older_than_all_that_a_log_brings(self, source: Source) -> None:
        times = iter(range(1_000, 1_000_000))
        for split in source.plan(source.discover()):
            if split.after is not None:
                began = next(times)
                context = ReadContext(clock=lambda: next(times))
                for batch in source.read(split, split.start, context):
                    if batch.num_rows:
                        assert began - 1 < batch.ingested_at < next(times), split.name

    def test_every_row_comes_once_with_the_declared_types(self, source: Source) -> None:
        streams = {stream.name: stream for stream in source.discover()}
        for split in source.plan(list(streams.values())):
            batches = self._read(source, split)
            keys = _keys(streams, batches)
            assert len(set(keys)) == len(keys), split.name
            for batch in batches:
                if batch.rows is not None:
                    _has_declared(streams[batch.stream], batch)

    def test_reading_again_brings_the_same(self, source: Source) -> None:
        streams = {stream.name: stream for stream in source.discover()}
        for split in source.plan(list(streams.values())):
            once = _keys(streams, self._read(source, split))
            again = _keys(streams, self._read(source, split, batch_rows=1_000))
            assert set(once) == set(again), split.name

    def test_going_on_from_any_checkpoint_leaves_nothing_out(self, source: Source) -> None:
        streams = {stream.name: stream for stream in source.discover()}
        for split in source.plan(list(streams.values())):
            batches = self._read(source, split)
            wanted = set(_keys(streams, batches))
            for end, batch in enumerate(batches[:-1], 1):
                if batch.checkpoint and split.name != LOG_SPLIT:
                    rest = self._read(source, split, batch.checkpoint)
                    got = {*_keys(streams, batches[:end]), *_keys(streams, rest)}
                    assert got == wanted, f"{split.name} from batch {end}"

    def test_a_complete_read_ends_with_a_checkpoint_that_a_later_one_begins_at(
        self, source: Source
    ) -> None:
        for split in source.plan(source.discover()):
            last = self._read(source, split)[-1]
            assert last.checkpoint, split.name
            again = self._read(source, split, last.checkpoint)
            if split.history:
                assert not any(batch.num_rows for batch in again), split.name
            else:
                assert again[-1].checkpoint, split.name

    def test_a_preview_reads_no_more_than_it_shows(self, source: Source) -> None:
        for split in source.plan(source.discover()):
            if split.name == LOG_SPLIT:
                continue  # previews show what tables hold
            batches = list(source.read(split, split.start, ReadContext(limit=3)))
            shown = [b for b in batches if b.stream in (split.name, *split.streams[:1])]
            assert sum(b.num_rows for b in shown) <= 3, split.name
            assert not any(b.checkpoint for b in batches), split.name

    def test_a_cancelled_read_ends_without_an_error(self, source: Source) -> None:
        cancel = threading.Event()
        cancel.set()
        for split in source.plan(source.discover()):
            for batch in source.read(split, split.start, ReadContext(cancel=cancel)):
                assert batch.full_pass is None or not batch.full_pass.ended, split.name

    @contextmanager
    def _opened(self, settings: Mapping[str, Any]) -> Iterator[Source]:
        card = Registry.scan().card("source", self.type)
        with closing(open_source(card, settings)) as source:
            yield source

    def _read(
        self,
        source: Source,
        split: Split,
        checkpoint: Checkpoint | None = None,
        batch_rows: int | None = None,
    ) -> list[Batch]:
        rows = batch_rows or self.batch_rows
        context = ReadContext(batch_rows=rows, package_rows=rows)
        return list(source.read(split, checkpoint or split.start, context))


def _keys(streams: Mapping[str, Stream], batches: Sequence[Batch]) -> list[Key]:
    """Stream and key of every row; the whole row where a stream has none."""
    found: list[Key] = []
    for batch in batches:
        if batch.rows is None:
            continue
        if streams[batch.stream].row_id is not None:
            assert batch.row_ids is not None, batch.stream
            found += [(batch.stream, (row_id,)) for row_id in batch.row_ids.to_pylist()]
            continue
        names = streams[batch.stream].primary_key or tuple(batch.rows.schema.names)
        columns = [batch.rows.column(name).to_pylist() for name in names]
        found += [(batch.stream, values) for values in zip(*columns, strict=True)]
    return found


def _has_declared(stream: Stream, batch: Batch) -> None:
    if batch.rows is None:
        return
    for declared in stream.schema:
        assert batch.rows.schema.field(declared.name).type == declared.type, declared.name
