"""A workspace without a file: the two ends of `penstock copy`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from penstock.control.file import ModelOf, Reading
from penstock.control.master import MasterKeys
from penstock.control.references import References
from penstock.control.uris import Endpoint
from penstock.control.vault import Vault
from penstock.control.workspace import DEFAULT_MEMORY, Workspace, parse_bytes
from penstock.core.registry import Registry
from penstock.core.spec import ConnectionSpec, WorkspaceSpec

SOURCE: Final = "source"
DESTINATION: Final = "destination"


def one_off(
    state: Path,
    source: Endpoint,
    destination: Endpoint,
    *,
    registry: Registry,
    model_of: ModelOf,
    environ: Mapping[str, str],
) -> Workspace:
    """The settings live in this object only; nothing of them is written to the state folder.

    Args:
        state: where the catalog and the staging area are.
    """
    spec = WorkspaceSpec(
        version=1,
        sources={SOURCE: ConnectionSpec.of(source.card.name, {})},
        destinations={DESTINATION: ConnectionSpec.of(destination.card.name, {})},
    )
    reading = Reading(
        spec,
        settings={
            ("source", SOURCE): dict(source.settings),
            ("destination", DESTINATION): dict(destination.settings),
        },
        secrets={*source.secrets, *destination.secrets},
    )
    root, catalog = Path.cwd(), str(state / "catalog.db")
    memory = parse_bytes(environ.get("PENSTOCK_MEMORY") or DEFAULT_MEMORY)
    vault = Vault(catalog, MasterKeys(root, state / "keys", environ), reading.secrets)
    return Workspace(
        root, spec, registry, state, catalog, state / "staging", None, memory, reading, model_of,
        References(root, environ), vault,
    )  # fmt: skip
