"""Objects between jobs."""

import pytest

from penstock.core.errors import ConfigError
from penstock.core.records import IngestionStatus, ObjectInfo
from penstock.store import Catalog
from unit.store.kit import PIPELINE, Clock


def test_an_update_changes_what_it_names_and_keeps_the_rest(catalog: Catalog, clock: Clock) -> None:
    update = catalog.objects.update
    update(PIPELINE, "deals", status="STREAMING", note="slow today")
    update(PIPELINE, "deals", complete_pass_at=5, estimated_rows=100)
    assert catalog.objects.load(PIPELINE) == {
        "deals": ObjectInfo("deals", IngestionStatus.STREAMING, "slow today", 5, 100, clock.ms)
    }
    update(PIPELINE, "deals", note="")
    assert catalog.objects.load(PIPELINE)["deals"].note == ""
    assert catalog.objects.load("unheard of") == {}


@pytest.mark.parametrize("status", list(IngestionStatus))
def test_every_ingestion_status_is_kept_as_written(
    catalog: Catalog, status: IngestionStatus
) -> None:
    catalog.objects.update(PIPELINE, "deals", status=str(status))
    assert catalog.objects.load(PIPELINE)["deals"].status == status


def test_objects_belong_to_a_known_pipeline(catalog: Catalog) -> None:
    with pytest.raises(ConfigError):
        catalog.objects.update("unheard of", "deals", note="x")
