"""Versions of a pipeline's transformation: deploy, go back, and put to work in a job."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from penstock.control.references import Unresolved
from penstock.control.workspace import Workspace
from penstock.core.errors import ConfigError
from penstock.core.records import (
    Activity,
    Method,
    Severity,
    TransformationVersion,
    VersionStatus,
)
from penstock.core.stream import Stream
from penstock.store import Catalog
from penstock.transforms.deploying import Known
from penstock.transforms.events import Transformer
from penstock.transforms.running import ScriptAtWork, started_flow, started_script
from penstock.worker.catalog import opened
from penstock.worker.drafts import Draft, Finding, findings, read_draft, refuse
from penstock.worker.plan import chosen
from penstock.worker.setup import opened_source

Warn = Callable[[str, str], None]


@dataclass(frozen=True)
class Deployed:
    """What came of a deploy.

    Args:
        changed: False when this very text was in force already.
        tested: whether it was tested as it is.
        warnings: what its author should know.
    """

    version: TransformationVersion
    changed: bool
    tested: bool
    warnings: tuple[Finding, ...] = ()


def deploy(workspace: Workspace, pipeline: str, comment: str = "") -> Deployed:
    """Put in force what the file names; jobs that begin from now on use it.

    Raises:
        ConfigError: it has mistakes; or the sandbox cannot be sealed here.
    """
    draft = read_draft(workspace, pipeline)
    with closing(_catalog(workspace, pipeline)) as catalog:
        before = catalog.transformations.deployed(pipeline)
        if draft.method is Method.NONE and before is None:
            raise ConfigError(
                f"{pipeline} has no transformation to deploy.",
                hint="Name a script or blocks under `transform` of the pipeline.",
                code="transform.none",
                pipeline=pipeline,
            )
        known = known_fields(workspace, pipeline, catalog)
        found = findings(draft, known)
        refuse(draft, found)
        warnings = tuple(finding for finding in found if finding.warning)
        if before is not None and draft.is_body(before.method, before.body):
            return Deployed(before, changed=False, tested=True, warnings=warnings)
        tested = draft.method is Method.NONE or _was_tested(catalog, pipeline, draft)
        version = _put(catalog, pipeline, draft.method, draft.body(known), comment)
        return Deployed(version, changed=True, tested=tested, warnings=warnings)


def rollback(workspace: Workspace, pipeline: str, to: int | None = None) -> TransformationVersion:
    """Put an older version in force again, as a new version (transformations.md 10.4).

    Args:
        to: its number; None means the one before the version in force.
    """
    with closing(_catalog(workspace, pipeline)) as catalog:
        history = catalog.transformations.history(pipeline)
        live = [v for v in history if v.status is not VersionStatus.DRAFT]
        older = [v for v in live if v.version == to] if to is not None else live[1:2]
        if not older:
            raise ConfigError(
                f"{pipeline} has no version {to}." if to else f"{pipeline} has no older version.",
                hint=f"`penstock transform history {pipeline}` lists them.",
                code="transform.no_version",
                pipeline=pipeline,
            )
        (old,) = older
        return _put(catalog, pipeline, old.method, old.body, f"as version {old.version}")


def history(workspace: Workspace, pipeline: str) -> list[TransformationVersion]:
    """All versions, newest first."""
    workspace.pipeline(pipeline)
    with closing(_catalog(workspace, pipeline)) as catalog:
        found: list[TransformationVersion] = catalog.transformations.history(pipeline)
        return found


def note_test(workspace: Workspace, pipeline: str, draft: Draft) -> None:
    """Keep that the draft was tried out as it is."""
    with closing(_catalog(workspace, pipeline)) as catalog:
        before = catalog.transformations.deployed(pipeline)
        if before is None or not draft.is_body(before.method, before.body):
            body = draft.body(Known())
            catalog.transformations.save_draft(pipeline, draft.method, body, author())


def in_force(
    workspace: Workspace, pipeline: str, catalog: Catalog, warn: Callable[[str], None]
) -> TransformationVersion | None:
    """The version for a job; None passes events as they are.

    What the file names is deployed by the first job when nothing was deployed before: a file in
    git says what is wanted. Later changes of it wait for `penstock transform deploy`.

    Raises:
        ConfigError: what is to be deployed has mistakes.
    """
    version = catalog.transformations.deployed(pipeline)
    draft = read_draft(workspace, pipeline)
    if version is None and draft.method is not Method.NONE:
        known = known_fields(workspace, pipeline, catalog)
        refuse(draft, findings(draft, known))
        version = _put(catalog, pipeline, draft.method, draft.body(known), "by the first job")
    if version is None:
        return None
    if not draft.is_body(version.method, version.body):
        warn(
            f"The transformation in the file is not the one in force (version {version.version}). "
            f"To use it: penstock transform deploy {pipeline}"
        )
    return version


def problems_of(workspace: Workspace, pipeline: str, draft: Draft) -> list[Finding]:
    """What is wrong with a draft, by all that is known of the events; changes nothing."""
    with opened(workspace) as catalog:
        known = catalog is not None and pipeline in {item.name for item in catalog.pipelines.list()}
        return findings(draft, known_fields(workspace, pipeline, catalog if known else None))


def as_draft(
    workspace: Workspace, pipeline: str, catalog: Catalog | None
) -> TransformationVersion | None:
    """What the file names, as a version that is not deployed; None when it names nothing.

    Args:
        catalog: None when it does not know the pipeline yet.
    """
    draft = read_draft(workspace, pipeline)
    if draft.method is Method.NONE:
        return None
    body = draft.body(known_fields(workspace, pipeline, catalog))
    return TransformationVersion(0, draft.method, body, VersionStatus.DRAFT)


def at_work(
    workspace: Workspace,
    version: TransformationVersion | None,
    tell: Callable[[str], None],
    show: Callable[[str], None],
    warn: Callable[[str], None] = lambda _text: None,
) -> Transformer | None:
    """The version, running. `tell` hears why it cannot run, `show` what it prints, `warn` what
    the sandbox lacks.

    Raises:
        ConfigError: the sandbox cannot be sealed here, or a secret of the flow is not to be found.
    """
    if version is None or version.method is Method.NONE:
        return None
    if version.method is Method.BLOCKS:
        return started_flow(with_secrets(workspace, json.loads(version.body)["flow"]), tell)
    from penstock.transforms.python.console import PerMinute
    from penstock.transforms.python.host import WEAKER

    started = started_script(version.body, tell, PerMinute(show, time.monotonic))
    if isinstance(started, ScriptAtWork) and started.missing:
        warn(
            f"The script runs in a weaker sandbox, as {WEAKER} allows: "
            f"this system lacks {', '.join(started.missing)}."
        )
    return started


def with_secrets(workspace: Workspace, flow: Mapping[str, Any]) -> dict[str, Any]:
    """The flow with references in salts replaced; versions keep the references."""
    return {**flow, "blocks": [_with_secrets(workspace, raw) for raw in flow.get("blocks", [])]}


def _with_secrets(workspace: Workspace, raw: Any) -> Any:
    if not isinstance(raw, dict) or not isinstance(raw.get("settings"), dict):
        return raw
    settings = dict(raw["settings"])
    for way in ("then", "else"):
        if isinstance(settings.get(way), list):
            settings[way] = [_with_secrets(workspace, inner) for inner in settings[way]]
    if isinstance(settings.get("salt"), str):
        try:
            settings["salt"] = workspace.references.expand(settings["salt"])
        except Unresolved as error:
            raise ConfigError(
                f"The salt of block {raw.get('id')}: {error}", code="transform.salt"
            ) from error
    return {**raw, "settings": settings}


def known_fields(workspace: Workspace, pipeline: str, catalog: Catalog | None) -> Known:
    """What is known of the events of a pipeline: what its source declares, and what was loaded.

    Args:
        catalog: None when it does not know the pipeline yet.
    """
    spec = workspace.pipeline(pipeline)
    loaded = catalog.mappings.load(pipeline) if catalog is not None else {}
    with opened_source(workspace, spec.source) as source:
        source.configure(spec)
        streams: Sequence[Stream] = chosen(spec, source.discover(), ())
    fields, keys = {}, set()
    for stream in streams:
        schema = stream.schema
        if not schema.names and stream.name in loaded:
            schema = _as_fields(loaded[stream.name])
        if schema.names:
            fields[stream.name] = schema
        keys |= {*(spec.object_settings(stream.name).primary_key or stream.key)}
    return Known(fields, keys)


def _as_fields(mapping: Any) -> Any:
    import pyarrow as pa

    return pa.schema([column.type.with_name(column.field) for column in mapping.columns])


def author() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in containers
        return "unknown"


def _was_tested(catalog: Catalog, pipeline: str, draft: Draft) -> bool:
    return any(
        version.status is VersionStatus.DRAFT and draft.is_body(version.method, version.body)
        for version in catalog.transformations.history(pipeline)
    )


def _put(
    catalog: Catalog, pipeline: str, method: Method, body: str, comment: str
) -> TransformationVersion:
    version: TransformationVersion = catalog.transformations.deploy(
        pipeline, method, body, author(), comment
    )
    catalog.activity.append(
        Activity(
            severity=Severity.MEDIUM,
            action="transformation.deployed",
            summary=f"Version {version.version} of the transformation is in force "
            f"({method.value}).",
            pipeline=pipeline,
            details={"version": version.version, "method": method.value, "comment": comment},
            actor=version.created_by,
        )
    )
    return version


def _catalog(workspace: Workspace, pipeline: str) -> Catalog:
    spec = workspace.pipeline(pipeline)
    catalog = Catalog.open(workspace.catalog_url)
    kinds = workspace.source(spec.source).type, workspace.destination(spec.destination).type
    catalog.pipelines.ensure(pipeline, *kinds)
    return catalog
