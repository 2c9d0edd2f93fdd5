"""What `import penstock` offers: the same jobs as the commands, as Python objects."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.context import open_workspace, scan
from penstock.control.problems import nearest
from penstock.core.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.control import workspace as control
    from penstock.core.progress import Progress, Summary


class _Silent:
    """A watcher that says nothing: the summary has it all."""

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None: ...


@dataclass(frozen=True)
class Workspace:
    """A workspace in Python."""

    _workspace: control.Workspace

    @property
    def root(self) -> Path:
        return self._workspace.root

    @property
    def pipelines(self) -> list[str]:
        return list(self._workspace.spec.pipelines)

    def run(
        self,
        pipeline: str,
        *,
        objects: Sequence[str] = (),
        full_refresh: bool = False,
        recover: str | None = None,
        cancel: threading.Event | None = None,
    ) -> Summary:
        """Run one job here and now, as `penstock run` does.

        The summary tells what became of every record; `summary.exit_code` is 0 when all went
        well, and `summary.error` says why not.

        Args:
            recover: what is done when the position in a change log is lost: "REPAIR",
                "RESTART_HISTORICAL" or "SKIP"; None leaves that to `auto_recover_offset`.

        Raises:
            ConfigError: the job cannot start as things are configured.
            TransientError: another job of this pipeline is running.
        """
        from penstock.worker.options import RunOptions
        from penstock.worker.recovering import Recovery, run_recovering

        options = RunOptions(objects=tuple(objects), full_refresh=full_refresh)
        stop = cancel or threading.Event()
        how = Recovery(recover) if recover is not None else None
        return run_recovering(self._workspace, pipeline, options, _Silent(), stop, how)


def open_folder(folder: str | os.PathLike[str]) -> Workspace:
    return Workspace(open_workspace(os.fspath(folder)))


def read_object(kind: str, settings: Mapping[str, Any], name: str) -> Iterator[pa.RecordBatch]:
    """Arrow batches of one object, read from the start; the source is closed at the end."""
    from penstock.sdk.opening import open_source
    from penstock.sdk.source import ReadContext

    with closing(open_source(scan().card("source", kind), settings)) as source:
        streams = {stream.name: stream for stream in source.discover()}
        if name not in streams:
            raise ConfigError(
                f"The source has no object called {name!r}.",
                hint=nearest(name, streams).strip() or None,
                code="config.unknown_object",
                object=name,
            )
        for split in source.plan([streams[name]]):
            batches = source.read(split, None, ReadContext())
            # Whoever has seen enough closes us: reading ends then, before its source is closed.
            with closing(batches):  # type: ignore[type-var]
                for batch in batches:
                    if batch.stream == name and batch.rows is not None and batch.rows.num_rows:
                        yield batch.rows
