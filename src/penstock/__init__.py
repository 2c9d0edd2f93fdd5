"""Penstock: data pipelines that account for every record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    import pyarrow as pa

    from penstock.cli.library import Workspace

__all__ = ["open", "read"]


def open(folder: str | os.PathLike[str]) -> Workspace:  # noqa: A001 (interfaces.md section 7)
    """The workspace in a folder, checked.

    >>> penstock.open("my-data").run("crm_to_warehouse").totals.loaded  # doctest: +SKIP
    125328
    """
    from penstock.cli.library import open_folder

    return open_folder(folder)


def read(type: str, settings: Mapping[str, Any], *, object: str) -> Iterator[pa.RecordBatch]:  # noqa: A002
    """Rows of one object as Arrow record batches, straight from the source.

    Args:
        type: of the connector, e.g. "activecampaign".
        settings: as in the workspace file, values in place of references.
        object: as `penstock discover` lists it.
    """
    from penstock.cli.library import read_object

    return read_object(type, settings, object)
