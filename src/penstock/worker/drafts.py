"""The transformation that a workspace's file names, read and looked at before it is deployed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from penstock.control.file import FILE_NAME
from penstock.control.workspace import Workspace
from penstock.core.errors import ConfigError
from penstock.core.records import Method
from penstock.transforms.deploying import Known, problems, settled


@dataclass(frozen=True)
class Draft:
    """A transformation as it is written now.

    Args:
        text: the script, or the stored form of the flow as JSON.
        place: the file it is in, for people.
    """

    method: Method
    text: str
    place: str = ""

    @property
    def flow(self) -> dict[str, Any]:
        flow: dict[str, Any] = json.loads(self.text)
        return flow

    def body(self, known: Known) -> str:
        """What is kept of it: of a flow also what its text means now, and which text that was."""
        if self.method is not Method.BLOCKS:
            return self.text
        told = {"written": _digest(self.text), "flow": settled(self.flow, known)}
        return json.dumps(told, ensure_ascii=False)

    def is_body(self, method: Method, body: str) -> bool:
        """Whether a version was made of this very text."""
        if method is not self.method:
            return False
        if method is Method.BLOCKS:
            return bool(json.loads(body)["written"] == _digest(self.text))
        return body == self.text


NO_DRAFT = Draft(Method.NONE, "")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a draft, or what its author should know.

    Args:
        at: the block and setting, or empty.
        line: of the script.
    """

    message: str
    warning: bool
    code: str = ""
    at: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        place = f"line {self.line}" if self.line is not None else self.at
        said = place and (place in self.message)
        return self.message if said or not place else f"{place}: {self.message}"


def read_draft(workspace: Workspace, pipeline: str) -> Draft:
    """What the file says under `transform`; NO_DRAFT when it says nothing.

    Raises:
        ConfigError: a file that is named cannot be read.
    """
    spec = workspace.pipeline(pipeline).transform
    if spec is None:
        return NO_DRAFT
    if spec.script is not None:
        return Draft(Method.PYTHON, _text(workspace, spec.script), spec.script)
    if spec.blocks is not None:
        return Draft(Method.BLOCKS, _canonical({"blocks": spec.blocks}), FILE_NAME)
    assert spec.flow is not None
    try:
        raw = yaml.safe_load(_text(workspace, spec.flow))
    except yaml.YAMLError as error:
        raise _unreadable(spec.flow, f"it is not JSON or YAML: {error}") from error
    if isinstance(raw, list):
        raw = {"blocks": raw}
    if not isinstance(raw, dict):
        raise _unreadable(spec.flow, "it holds no blocks")
    return Draft(Method.BLOCKS, _canonical(raw), spec.flow)


def findings(draft: Draft, known: Known) -> list[Finding]:
    """All that is wrong with a draft, errors first.

    Raises:
        ConfigError: it is a script, and this system cannot seal its process.
    """
    if draft.method is Method.BLOCKS:
        return [
            Finding(p.message, p.warning, "BLOCK", " ".join(filter(None, (p.block, p.field))))
            for p in problems(draft.flow, known)
        ]
    if draft.method is Method.NONE:
        return []
    from penstock.transforms.python.check import check  # brings the sandbox along

    found = [Finding(p.message, not p.error, p.code, line=p.line) for p in check(draft.text)]
    return sorted(found, key=lambda finding: finding.warning)


def refuse(draft: Draft, found: Sequence[Finding]) -> None:
    """Raises `ConfigError` with all errors among the findings, if there is one."""
    errors = [finding.text for finding in found if not finding.warning]
    if errors:
        raise ConfigError(
            f"The transformation in {draft.place} has mistakes: {'; '.join(errors)}",
            hint="Correct it; nothing was deployed.",
            code="transform.invalid",
            problems=errors,
        )


def _text(workspace: Workspace, name: str) -> str:
    try:
        return (workspace.root / name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(name, "it is not UTF-8 text") from error
    except OSError as error:
        raise _unreadable(name, error.strerror or str(error)) from error


def _unreadable(name: str, why: str) -> ConfigError:
    return ConfigError(
        f"The transformation {name} cannot be read: {why}.",
        hint=f"Paths under `transform` in {FILE_NAME} begin at the workspace.",
        code="transform.file",
        file=name,
    )


def _canonical(flow: Mapping[str, Any]) -> str:
    # Dates that YAML reads as such are text in a stored flow.
    return json.dumps(flow, ensure_ascii=False, sort_keys=True, default=str)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
