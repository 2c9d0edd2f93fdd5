"""Versions of a transformation, and the event types that it makes."""

from penstock.core.records import Method, VersionStatus
from penstock.store import Catalog
from unit.store.kit import PIPELINE, Clock


def _statuses(catalog: Catalog) -> list[tuple[int, str, VersionStatus]]:
    return [(v.version, v.body, v.status) for v in catalog.transformations.history(PIPELINE)]


def test_a_deployed_version_replaces_the_one_before(catalog: Catalog, clock: Clock) -> None:
    kept = catalog.transformations
    assert kept.deployed(PIPELINE) is None
    first = kept.deploy(PIPELINE, Method.PYTHON, "one", "ana", "begin")
    assert (first.version, first.deployed_at, first.comment) == (1, clock.ms, "begin")
    kept.deploy(PIPELINE, Method.BLOCKS, "two", "raj")
    assert _statuses(catalog) == [
        (2, "two", VersionStatus.DEPLOYED),
        (1, "one", VersionStatus.SUPERSEDED),
    ]
    deployed = kept.deployed(PIPELINE)
    assert deployed is not None
    assert (deployed.method, deployed.created_by) == (Method.BLOCKS, "raj")


def test_a_draft_is_kept_once_and_becomes_the_version_deployed(catalog: Catalog) -> None:
    kept = catalog.transformations
    kept.deploy(PIPELINE, Method.PYTHON, "one", "ana")
    assert kept.save_draft(PIPELINE, Method.PYTHON, "two", "ana") == 2
    assert kept.save_draft(PIPELINE, Method.PYTHON, "three", "ana") == 2
    assert kept.deployed(PIPELINE) == kept.history(PIPELINE)[1]
    assert kept.deploy(PIPELINE, Method.PYTHON, "four", "ana").version == 2
    assert _statuses(catalog) == [
        (2, "four", VersionStatus.DEPLOYED),
        (1, "one", VersionStatus.SUPERSEDED),
    ]


def test_event_types_are_kept_by_object(catalog: Catalog) -> None:
    kept = catalog.transformations
    kept.note_event_type(PIPELINE, "contacts", "people", True)
    kept.note_event_type(PIPELINE, "contacts", "notes", False)
    kept.note_event_type(PIPELINE, "contacts", "people", False)
    assert kept.event_types(PIPELINE) == {"contacts": {"people": False, "notes": False}}
    assert kept.event_types("unheard of") == {}
