"""Let a pipeline go: what its source keeps for it, and where it stood."""

from __future__ import annotations

from contextlib import closing

from penstock.control.workspace import Workspace
from penstock.store import Catalog
from penstock.worker.setup import opened_source
from penstock.worker.staging import catalog_name


def release(workspace: Workspace, pipeline: str) -> list[str]:
    """Drop what was made for the pipeline in its source, and forget its positions.

    The destination's tables stay; another run would read everything again.

    Returns:
        Statements for a person to run, for what could not be dropped.

    Raises:
        ConfigError: there is no such pipeline.
        TransientError: a job of it is running.
    """
    spec = workspace.pipeline(pipeline)
    with (
        closing(Catalog.open(workspace.catalog_url)) as catalog,
        catalog.pipelines.lock(pipeline),
        opened_source(workspace, spec.source) as source,
    ):
        source.belongs_to(pipeline, catalog_name(catalog.pipelines.get(pipeline)))
        left = source.forget()
        catalog.positions.reset(pipeline)
    return left
