"""The newest jobs and the failed events, for `status`: fast on SQLite, which is the usual case."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.control.workspace import Workspace

_JOBS = """
select p.name, j.id, j.status, j.started_at, j.ended_at, j.pid, j.host,
    json_extract(j.source, '$.lag_seconds'), json_extract(j.source, '$.lag_bytes')
from (select *, row_number() over (partition by pipeline_id order by number desc) as n from job) j
join pipeline p on p.id = j.pipeline_id where j.n <= 50 order by j.number desc
"""
_FAILED = """
select p.name, count(*) from failed_event f join pipeline p on p.id = f.pipeline_id
where f.state = 'FAILED' group by p.name
"""


@dataclass(frozen=True)
class JobLine:
    """What `status` shows of a job; instants in epoch ms. How far its log was behind is known
    of jobs that read one."""

    pipeline: str
    id: str
    status: str
    started_at: int
    ended_at: int | None
    pid: int
    host: str
    lag_seconds: float | None = None
    lag_bytes: int | None = None


@dataclass(frozen=True)
class Glance:
    """Jobs newest first, at most 50 of each pipeline; failed events that wait, by pipeline."""

    jobs: tuple[JobLine, ...] = ()
    failed: tuple[tuple[str, int], ...] = ()

    def of(self, pipeline: str) -> list[JobLine]:
        return [job for job in self.jobs if job.pipeline == pipeline]

    def failed_events(self, pipeline: str) -> int:
        return dict(self.failed).get(pipeline, 0)


def glance(workspace: Workspace) -> Glance:
    """Look into the catalog; nothing is there before the first job."""
    url = workspace.catalog_url
    if "://" not in url:
        if not Path(url).exists():
            return Glance()
        try:
            return _from_sqlite(Path(url))
        except sqlite3.Error:
            pass  # made by another version, or locked: the catalog knows what to do
    return from_catalog(url)


def _from_sqlite(path: Path) -> Glance:
    """The same as `from_catalog` without its half second of imports; a test compares the two."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        jobs = tuple(JobLine(*row) for row in connection.execute(_JOBS))
        return Glance(jobs, tuple(connection.execute(_FAILED)))


def from_catalog(url: str) -> Glance:
    from penstock.store import Catalog

    with closing(Catalog.open(url)) as catalog:
        names = [record.name for record in catalog.pipelines.list()]
        jobs = [job for name in names for job in catalog.jobs.list(name, limit=50)]
        return Glance(
            tuple(
                JobLine(
                    j.pipeline,
                    j.id,
                    str(j.status),
                    j.started_at,
                    j.ended_at,
                    j.pid,
                    j.host,
                    j.source.get("lag_seconds"),
                    j.source.get("lag_bytes"),
                )
                for j in jobs
            ),
            tuple(catalog.failed.open_counts().items()),
        )
