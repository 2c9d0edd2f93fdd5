"""Small fakes that keep the contracts: a destination in memory, a source from lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core import metadata
from penstock.core.batch import Batch, FullPass, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import Forward
from penstock.core.errors import DataError, PenstockError
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.core.mapping import Mapping
from penstock.core.progress import ObjectState
from penstock.core.records import CommitRecord
from penstock.core.stream import Split, Stream
from penstock.engine.budget import Budget
from penstock.engine.staging import LocalStaging, Staging
from penstock.engine.task import StreamPlan, Task
from penstock.sdk.destination import Capabilities, Destination, LedgerEntry, Refused
from penstock.sdk.source import ReadContext, Source, Step
from penstock.transforms.events import Transformer


class MemoryDestination(Destination):
    """Tables as lists of dicts; the ledger keeps receipts; `refuse` names keys it will not take."""

    capabilities = Capabilities(modes=frozenset(WriteMode), max_columns=40)

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.schemas: dict[str, pa.Schema] = {}
        self.receipts: dict[str, Receipt] = {}
        self.loads: list[TableLoad] = []
        self.refuse: set[Any] = set()
        self.refusal: type[PenstockError] = DataError
        self.too_many: PenstockError | None = None
        self.tell: tuple[str, ...] = ()
        self.away: list[PenstockError] = []
        self.published: list[tuple[str, int]] = []

    @property
    def identity(self) -> str:
        return "memory"

    def check(self) -> Iterator[Step]:
        yield Step("memory", ok=True)

    def describe(self, table: str) -> pa.Schema | None:
        return self.schemas.get(table)

    def changes(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode = WriteMode.MERGE,
        generation: int = 0,
    ) -> list[str]:
        return []

    def evolve(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode,
        generation: int = 0,
    ) -> list[str]:
        self.schemas[table] = schema
        self.tables.setdefault(table, [])
        return []

    def load(self, load: TableLoad) -> Receipt:
        if self.away:
            raise self.away.pop(0)
        if load.load_id in self.receipts:
            return replace(self.receipts[load.load_id], replayed=True)
        rows = self._rows(load)
        if self._bad(load, rows):
            raise self.refusal("Some row is refused.")
        receipt = self._apply(load, rows)
        self.loads.append(load)
        self.receipts[load.load_id] = receipt
        return receipt

    def refused(self, load: TableLoad, before: Sequence[TableLoad] = ()) -> list[Refused]:
        if self.too_many is not None:
            raise self.too_many
        rows = self._rows(load)
        return [
            Refused(at, "CONSTRAINT_VIOLATION", "no such value") for at in self._bad(load, rows)
        ]

    def publish(self, table: str, generation: int) -> None:
        self.published.append((table, generation))

    def ledger(self, pipeline: str) -> list[LedgerEntry]:
        return []

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        raise NotImplementedError

    def _rows(self, load: TableLoad) -> list[dict[str, Any]]:
        return [row for file in load.files for row in pq.read_table(file).to_pylist()]

    def _bad(self, load: TableLoad, rows: list[dict[str, Any]]) -> list[int]:
        keys = [tuple(row[name] for name in load.key)[:1] for row in rows]
        return [at for at, key in enumerate(keys) if {*key} & self.refuse]

    def _apply(self, load: TableLoad, rows: list[dict[str, Any]]) -> Receipt:
        table = self.tables[load.table]
        inserted = updated = 0
        for row in rows:
            old = next((r for r in table if all(r.get(k) == row[k] for k in load.key)), None)
            if old is not None and load.key and load.mode is WriteMode.MERGE:
                updated += 1
                if row[metadata.HINT] != Hint.PLACEHOLDER:
                    old.update(row)
            else:
                inserted += 1
                table.append(dict(row))
        flagged = 0
        if load.sweep is not None:
            keys = {
                tuple(row.values())
                for file in load.sweep.key_files
                for row in pq.read_table(file).to_pylist()
            }
            group = load.sweep.group
            came = {key[load.key.index(group)] for key in keys} if group is not None else set()
            for row in table:
                meant = group is None or row[group] in came
                if meant and tuple(row[k] for k in load.key) not in keys:
                    row[metadata.DELETED] = True
                    flagged += 1
        return Receipt(
            load.load_id, load.table, inserted=inserted, updated=updated, flagged=flagged,
            warnings=self.tell,
        )  # fmt: skip


class MemoryCatalog:
    """What the engine asks of the catalog, kept in dicts."""

    def __init__(self) -> None:
        self.mappings: dict[str, Mapping] = {}
        self.scopes: dict[str, dict[str, str]] = {}
        self.commits: list[CommitRecord] = []
        self.begun: dict[str, Checkpoint] = {}
        self.read: dict[str, int] = {}
        self.made: dict[str, dict[str, bool]] = {}
        self.reloads: list[str] = []

    def event_types(self) -> dict[str, dict[str, bool]]:
        return self.made

    def note_event_type(self, stream: str, event_type: str, key_kept: bool) -> None:
        self.made.setdefault(stream, {})[event_type] = key_kept

    def reload_again(self, stream: str) -> None:
        self.reloads.append(stream)

    def mapping(self, event_type: str) -> Mapping | None:
        return self.mappings.get(event_type)

    def save_mapping(self, mapping: Mapping) -> None:
        self.mappings[mapping.event_type] = mapping

    def names(self, scope: str) -> dict[str, str]:
        return self.scopes.setdefault(scope, {})

    def remember(self, scope: str, names: Any) -> None:
        self.scopes.setdefault(scope, {}).update(names)

    def begin(self, starts: Any) -> None:
        self.begun |= {name: start for name, (start, _) in starts.items()}

    def history_read(self, stream: str, generation: int, published: bool) -> None:
        self.read[stream] = generation

    def commit(self, record: CommitRecord) -> None:
        if all(item.package_id != record.package_id for item in self.commits):
            self.commits.append(record)


PEOPLE = Stream(
    name="people",
    schema=pa.schema([("id", pa.int64()), ("name", pa.string())]),
    primary_key=("id",),
    reports_deletes=True,
)


@dataclass
class ListSource(Source):
    """Gives batches of rows from lists; the checkpoint counts batches; one complete read a run."""

    batches: list[list[dict[str, Any]]]
    stream: Stream = PEOPLE
    fail_at: int | None = None
    error: PenstockError | None = None
    verified: bool = True
    extra: dict[int, dict[str, Any]] = field(default_factory=dict)
    reads: list[int] = field(default_factory=list)

    def check(self) -> Iterator[Step]:
        yield Step("list", ok=True)

    def discover(self) -> list[Stream]:
        return [self.stream]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        start = checkpoint.position["next"] if checkpoint else 0
        self.reads.append(start)
        run = checkpoint.position["pass"] if checkpoint and start else f"pass{len(self.reads)}"
        for at in range(start, len(self.batches)):
            if self.fail_at == at and self.error is not None:
                raise self.error
            context.called()
            context.expect(sum(map(len, self.batches[at:])))
            last = at == len(self.batches) - 1
            rows = pa.RecordBatch.from_pylist(self.batches[at]) if self.batches[at] else None
            yield Batch(
                stream=self.stream.name,
                rows=rows,
                checkpoint=Checkpoint({"next": 0 if last else at + 1, "pass": run}),
                full_pass=FullPass(run, 0, ended=last, verified=self.verified),
                **self.extra.get(at, {}),
            )


def task(
    tmp_path: Path,
    source: Source,
    destination: MemoryDestination,
    catalog: MemoryCatalog,
    mode: WriteMode = WriteMode.MERGE,
    package_rows: int = 1_000,
    now: int = 1_000,
    staging: Staging | None = None,
    transformer: Transformer | None = None,
) -> Task:
    """A job over all streams of the source, going on from the catalog's last commits."""
    streams = source.discover()
    checkpoints = {c.split: c.checkpoint for c in catalog.commits if c.checkpoint is not None}
    return Task(
        pipeline="p",
        job="j",
        fence=1,
        source=source,
        destination=destination,
        plans={s.name: StreamPlan(s, s.name, mode, s.primary_key) for s in streams},
        catalog_id="c",
        checkpoints=checkpoints,
        package_numbers={c.split: c.package_no for c in catalog.commits},
        staging=staging or LocalStaging(tmp_path / "staging", tmp_path / "failed" / "p"),
        memory=catalog,
        states={s.name: ObjectState(s.name, s.name, "", "FULL_LOAD") for s in streams},
        clock=Forward(now=lambda: now),
        budget=Budget(package_rows=package_rows),
        patience_s=0.0,
        transformer=transformer,
    )
