"""The staging area of a pipeline, as the workspace says: a folder or an object store."""

from __future__ import annotations

from penstock.control.workspace import Workspace
from penstock.core.errors import ConfigError
from penstock.core.records import PipelineRecord
from penstock.engine.folders import safe_name
from penstock.engine.package import CARD
from penstock.engine.staging import LocalStaging, Staging
from penstock.store import Catalog


def catalog_name(known: PipelineRecord) -> str:
    """A pipeline of one catalog: another catalog's of the same name has another."""
    return f"{known.created_at}-{known.id}"


def open_staging(workspace: Workspace, catalog: Catalog, pipeline: str) -> Staging:
    """The pipeline must be in the catalog: its record names its part of an object store.

    Raises:
        ConfigError: the store's driver or settings are missing, or packages wait in the
            folder that was the staging area before.
    """
    name = safe_name(pipeline)
    folder, failed = workspace.staging_dir / name, workspace.failed_dir / name
    if workspace.staging_place is None:
        return LocalStaging(folder, failed)
    # Imported only now: most workspaces do without.
    from penstock.engine.object_staging import ObjectStaging
    from penstock.sdk.objects import open_objects

    before = workspace.state_dir / "staging" / name
    if any(before.glob(f"*/*/{CARD}")):
        raise ConfigError(
            "Packages still wait in the staging area on local disk.",
            hint="Run once without `state.staging`, so that they are loaded; then move it.",
            code="staging.moved",
            folder=before,
        )
    prefix = f"{name}/{catalog_name(catalog.pipelines.get(pipeline))}"
    return ObjectStaging(open_objects(workspace.staging_place), prefix, folder, failed)
