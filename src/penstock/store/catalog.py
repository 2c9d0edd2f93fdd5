"""The catalog: everything we remember, in one database."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from penstock.core.clock import NowMs, now_ms
from penstock.core.records import CommitRecord
from penstock.store.activity import ActivityLog
from penstock.store.commit import commit, purge_packages
from penstock.store.engine import Database, Place
from penstock.store.failed import FailedEvents
from penstock.store.jobs import Jobs
from penstock.store.mappings import Mappings
from penstock.store.objects import Objects
from penstock.store.pipelines import Pipelines
from penstock.store.positions import Positions
from penstock.store.schema import Migrations, bring_up
from penstock.store.secrets import Secrets
from penstock.store.transformations import Transformations


class Catalog:
    """One open catalog, for all threads of a process. It holds no row of user data."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now
        self.pipelines = Pipelines(database, now)
        self.jobs = Jobs(database, now)
        self.positions = Positions(database, now)
        self.mappings = Mappings(database, now)
        self.failed = FailedEvents(database, now)
        self.activity = ActivityLog(database, now)
        self.objects = Objects(database, now)
        self.secrets = Secrets(database, now)
        self.transformations = Transformations(database, now)

    @staticmethod
    def open(
        url_or_path: str | Path,
        *,
        create: bool = True,
        now: NowMs = now_ms,
        migrations: Migrations | None = None,
    ) -> Catalog:
        """Open a SQLite file or a postgresql:// address, made and migrated as needed.

        An existing SQLite file is copied beside itself before it is migrated.

        Raises:
            ConfigError: there is none and `create` is off; a newer program made it; it is
                damaged or not writable.
            TransientError: its server cannot be reached.
        """
        database = Database(Place.of(url_or_path))
        try:
            bring_up(database, migrations or Migrations(), create=create)
        except BaseException:
            database.close()
            raise
        return Catalog(database, now)

    def commit(self, record: CommitRecord) -> bool:
        """Save a delivered package in one transaction; False when it was saved before.

        Raises:
            InternalError: the books do not balance, a newer job has begun, or the package
                comes out of order. Nothing is saved then.
        """
        return commit(self._database, record, self._now())

    def purge(self) -> int:
        """Forget what is past its retention, in small transactions; returns how many rows."""
        return (
            self.jobs.purge()
            + self.failed.purge()
            + self.activity.purge()
            + purge_packages(self._database, self._now())
        )

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
