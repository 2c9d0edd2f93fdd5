"""The catalog for whoever only looks things up: opened only where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.control.workspace import Workspace
    from penstock.store import Catalog


@contextmanager
def opened(workspace: Workspace) -> Iterator[Catalog | None]:
    """The catalog, or None while nothing has run yet: looking something up makes no files."""
    url = workspace.catalog_url
    if "://" not in url and not Path(url).exists():
        yield None
        return
    from penstock.store import Catalog

    with closing(Catalog.open(url)) as catalog:
        yield catalog
