"""Pipelines, their lock and their fence."""

import os
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from penstock.core.errors import ConfigError, InternalError, TransientError
from penstock.core.records import JobStatus
from penstock.store import Catalog, pipelines
from unit.store.kit import PIPELINE, begin

HOLDER = """
import sys, time
from penstock.store import Catalog
catalog = Catalog.open(sys.argv[1])
with catalog.pipelines.lock(sys.argv[2]):
    print(catalog.pipelines.begin_job(sys.argv[2], "INCREMENTAL", "INCREMENTAL").id, flush=True)
    sys.stdin.read()
"""


def test_a_pipeline_is_made_once_and_keeps_its_number(catalog: Catalog) -> None:
    again = catalog.pipelines.ensure(PIPELINE, "activecampaign", "duckdb")
    other = catalog.pipelines.ensure("other", "activecampaign", "postgres")
    assert again == catalog.pipelines.get(PIPELINE)
    assert other.id > again.id
    assert [record.name for record in catalog.pipelines.list()] == [PIPELINE, "other"]


def test_a_pipeline_cannot_change_its_ends(catalog: Catalog) -> None:
    with pytest.raises(ConfigError) as raised:
        catalog.pipelines.ensure(PIPELINE, "activecampaign", "postgres")
    assert raised.value.code == "pipeline.changed"


def test_an_unknown_pipeline_is_a_mistake_of_the_user(catalog: Catalog) -> None:
    with pytest.raises(ConfigError) as raised:
        catalog.pipelines.get("nothing")
    assert raised.value.code == "pipeline.unknown"


def test_every_job_has_a_higher_fence_than_the_one_before(catalog: Catalog) -> None:
    assert [begin(catalog).fence for _ in range(3)] == [1, 2, 3]
    assert catalog.pipelines.get(PIPELINE).fence == 3


def test_a_job_cannot_begin_without_the_lock(catalog: Catalog) -> None:
    with pytest.raises(InternalError):
        catalog.pipelines.begin_job(PIPELINE, "INCREMENTAL", "INCREMENTAL")


def test_the_lock_is_free_again_after_its_block(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError, match="stop"), catalog.pipelines.lock(PIPELINE):
        raise RuntimeError("stop")
    with catalog.pipelines.lock(PIPELINE):
        pass


def test_pipelines_do_not_wait_for_each_other(catalog: Catalog) -> None:
    with catalog.pipelines.lock(PIPELINE), catalog.pipelines.lock("other"):
        pass


def test_a_second_holder_is_refused_and_told_who_runs(catalog: Catalog, url: str) -> None:
    with catalog.pipelines.lock(PIPELINE):
        job = catalog.pipelines.begin_job(PIPELINE, "INCREMENTAL", "INCREMENTAL")
        with closing(Catalog.open(url)) as second, pytest.raises(TransientError) as raised:
            second.pipelines.lock(PIPELINE).__enter__()
    assert raised.value.code == "job.running"
    assert job.id in (raised.value.hint or "")
    assert str(os.getpid()) in (raised.value.hint or "")


WAITER = """
import sys
from penstock.store import Catalog
catalog = Catalog.open(sys.argv[1])
with catalog.pipelines.lock(sys.argv[2]):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_the_job_of_a_process_that_died_is_not_named(
    catalog: Catalog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next holder has the lock, and has not begun its job yet."""
    monkeypatch.setattr(pipelines, "_NAMED_WITHIN_S", 0.0)
    dead = leave_a_job(url)
    with subprocess.Popen(
        [sys.executable, "-c", WAITER, url, PIPELINE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "locked\n"
        with pytest.raises(TransientError) as raised, catalog.pipelines.lock(PIPELINE):
            pass
        child.communicate("", timeout=60)
    assert catalog.jobs.get(dead).status == JobStatus.IN_PROGRESS
    assert dead not in (raised.value.hint or "")
    assert f"(process {child.pid})" in (raised.value.hint or "")


def leave_a_job(url: str) -> str:
    """Id of a job whose process was killed, once its lock is free."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, PIPELINE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        job = child.stdout.readline().strip()
        child.kill()
        child.wait()
    while True:  # a server may need a moment to see that a client died
        try:
            with closing(Catalog.open(url)) as other, other.pipelines.lock(PIPELINE):
                return job
        except TransientError:
            continue


def test_threads_of_one_process_exclude_each_other(catalog: Catalog) -> None:
    errors: list[str] = []

    def second() -> None:
        try:
            catalog.pipelines.lock(PIPELINE).__enter__()
        except TransientError as error:
            errors.append(error.code)

    with catalog.pipelines.lock(PIPELINE):
        catalog.pipelines.begin_job(PIPELINE, "INCREMENTAL", "INCREMENTAL")
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert errors == ["job.running"]


def test_a_killed_holder_frees_the_lock_and_its_job_is_given_up(catalog: Catalog, url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, PIPELINE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        lost = child.stdout.readline().strip()
        with pytest.raises(TransientError) as raised, catalog.pipelines.lock(PIPELINE):
            pass
        assert lost in (raised.value.hint or "")
        assert str(child.pid) in (raised.value.hint or "")
        child.kill()
        child.wait()
    taken = None
    while taken is None:  # a server may need a moment to see that a client died
        try:
            taken = begin(catalog)
        except TransientError:
            continue
    record = catalog.jobs.get(lost)
    assert record.status == JobStatus.FAILED
    assert record.error is not None
    assert record.error["code"] == "job.lost"
    assert taken.fence == record.fence + 1
