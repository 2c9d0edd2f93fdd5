"""Several processes write at once: nobody is turned away and no count is lost."""

import os
import subprocess
import sys
from pathlib import Path

from penstock.store import Catalog
from unit.store.kit import PIPELINE, begin

WRITERS = 8
ROUNDS = 40

WRITER = """
import sys
from penstock.core.records import Activity, ObjectRecord, Severity
from penstock.store import Catalog
from unit.store.kit import begin, failed_row, package, part
url, me, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
catalog = Catalog.open(url)
catalog.pipelines.ensure(me, "a", "b")
job = begin(catalog, me)
for number in range(1, rounds + 1):
    catalog.jobs.save_object(job.id, ObjectRecord("contacts", "contacts", status="IN_PROGRESS"))
    catalog.commit(package(job, number, failed=(failed_row(number),)))
    catalog.activity.append(Activity(Severity.LOW, "loaded", me, pipeline=me))
    assert catalog.jobs.list(me)[0].totals.loaded == number * 10
    assert catalog.failed.count(me) == number
    catalog.mappings.remember("db", "tables", {f"t{number}": f"name{number}"})
catalog.jobs.finish(job.id, "COMPLETED")
"""


def test_eight_processes_write_at_once(catalog: Catalog, url: str) -> None:
    names = [f"pipeline {number}" for number in range(WRITERS)]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, name, str(ROUNDS)],
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for name in names
    ]  # fmt: skip
    errors = [child.communicate()[1] for child in children]
    assert errors == [""] * WRITERS
    for name in names:
        (job,) = catalog.jobs.list(name)
        assert (job.status, job.totals.loaded) == ("COMPLETED", ROUNDS * 10)
        assert catalog.positions.load(name)["contacts"].package_no == ROUNDS
    assert len(catalog.activity.list(severity="LOW", limit=1000)) == WRITERS * ROUNDS
    assert len(catalog.mappings.names("db", "tables")) == ROUNDS


def test_a_reader_does_not_wait_for_a_writer(catalog: Catalog) -> None:
    begin(catalog)
    with catalog._database.write() as connection:
        connection.exec_driver_sql("update pipeline set fence = 99")
        assert catalog.pipelines.get(PIPELINE).fence == 1
