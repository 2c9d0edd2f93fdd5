"""The catalog as the engine sees it, in this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping as Dict

from penstock.core.checkpoint import Checkpoint
from penstock.core.mapping import Mapping
from penstock.core.records import CommitRecord
from penstock.store import Catalog
from penstock.worker.mapping_news import mapping_news


class CatalogMemory:
    """Answers the engine from the catalog; mappings and names are read once and kept."""

    def __init__(
        self, catalog: Catalog, pipeline: str, destination_key: str, *, auto_mapping: bool = True
    ) -> None:
        self._catalog = catalog
        self._auto_mapping = auto_mapping
        self._pipeline = pipeline
        self._destination = destination_key
        self._lock = threading.RLock()
        self._mappings: dict[str, Mapping] | None = None
        self._names: dict[str, dict[str, str]] = {}
        self._made: dict[str, dict[str, bool]] | None = None

    def event_types(self) -> dict[str, dict[str, bool]]:
        with self._lock:
            if self._made is None:
                self._made = self._catalog.transformations.event_types(self._pipeline)
            return {stream: {**types} for stream, types in self._made.items()}

    def note_event_type(self, stream: str, event_type: str, key_kept: bool) -> None:
        with self._lock:
            self._catalog.transformations.note_event_type(
                self._pipeline, stream, event_type, key_kept
            )
            self._made = None

    def reload_again(self, stream: str) -> None:
        with self._lock:
            known = self._catalog.positions.generations(self._pipeline)[stream]
            self._catalog.positions.set_generation(self._pipeline, stream, known.again())

    def mapping(self, event_type: str) -> Mapping | None:
        with self._lock:
            if self._mappings is None:
                self._mappings = dict(self._catalog.mappings.load(self._pipeline))
            return self._mappings.get(event_type)

    def save_mapping(self, mapping: Mapping) -> None:
        with self._lock:
            before = self.mapping(mapping.event_type)
            assert self._mappings is not None
            self._mappings[mapping.event_type] = mapping
            status = mapping.status(self._auto_mapping)
            self._catalog.mappings.save(self._pipeline, mapping, status)
            for entry in mapping_news(self._pipeline, before, mapping):
                self._catalog.activity.append(entry)

    def names(self, scope: str) -> dict[str, str]:
        with self._lock:
            if scope not in self._names:
                self._names[scope] = dict(self._catalog.mappings.names(self._destination, scope))
            return self._names[scope]

    def remember(self, scope: str, names: Dict[str, str]) -> None:
        with self._lock:
            self._catalog.mappings.remember(self._destination, scope, dict(names))
            self._names[scope] = dict(self._catalog.mappings.names(self._destination, scope))

    def begin(self, starts: Dict[str, tuple[Checkpoint, int]]) -> None:
        self._catalog.positions.begin(self._pipeline, starts)

    def commit(self, record: CommitRecord) -> None:
        self._catalog.commit(record)

    def history_read(self, stream: str, generation: int, published: bool) -> None:
        self._catalog.positions.history_read(self._pipeline, stream, generation, published)


class TryMemory:
    """For previews and plans: nothing is remembered beyond this object. Before the first job
    there is no base."""

    def __init__(self, base: CatalogMemory | None) -> None:
        self._base = base
        self._mappings: dict[str, Mapping] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._made: dict[str, dict[str, bool]] = {}

    def event_types(self) -> dict[str, dict[str, bool]]:
        known = self._base.event_types() if self._base else {}
        for stream, types in self._made.items():
            known[stream] = {**known.get(stream, {}), **types}
        return known

    def note_event_type(self, stream: str, event_type: str, key_kept: bool) -> None:
        self._made.setdefault(stream, {})[event_type] = key_kept

    def reload_again(self, stream: str) -> None:
        raise AssertionError(f"a preview reloaded {stream}")

    def mapping(self, event_type: str) -> Mapping | None:
        known = self._mappings.get(event_type)
        return self._base.mapping(event_type) if known is None and self._base else known

    def save_mapping(self, mapping: Mapping) -> None:
        self._mappings[mapping.event_type] = mapping

    def names(self, scope: str) -> dict[str, str]:
        base = self._base.names(scope) if self._base else {}
        return {**base, **self._names.get(scope, {})}

    def remember(self, scope: str, names: Dict[str, str]) -> None:
        self._names.setdefault(scope, {}).update(names)

    def begin(self, starts: Dict[str, tuple[Checkpoint, int]]) -> None:
        raise AssertionError(f"a preview began to read {', '.join(starts)}")

    def history_read(self, stream: str, generation: int, published: bool) -> None:
        raise AssertionError(f"a preview read the history of {stream} ({generation}, {published})")

    def commit(self, record: CommitRecord) -> None:
        raise AssertionError(f"a preview committed package {record.package_id}")
