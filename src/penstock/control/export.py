"""The workspace's spec as text again, without secrets."""

from __future__ import annotations

from typing import Any, get_args

import yaml

from penstock.control.references import has_reference
from penstock.control.secrets import has_password, secret_fields
from penstock.control.workspace import Workspace
from penstock.core.cards import Role
from penstock.core.spec import ConnectionSpec


def exported(workspace: Workspace) -> dict[str, Any]:
    """Lists, mappings and scalars of the file; what stands in clear text becomes a reference."""
    plain = workspace.spec.to_plain()
    for role in get_args(Role):
        connections: dict[str, ConnectionSpec] = getattr(workspace.spec, f"{role}s")
        for name, connection in connections.items():
            model = workspace.model_of(workspace.registry.card(role, connection.type))
            shown = plain[f"{role}s"][name]
            for key in connection.settings:
                if _is_clear(shown[key], secret=key in secret_fields(model)):
                    shown[key] = reference_for(name, key)
    return plain


def reference_for(connection: str, key: str) -> str:
    """A variable's name for a setting: `${CRM_API_KEY}`."""
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in f"{connection}_{key}")
    return f"${{{'_' * name[0].isdigit()}{name.upper()}}}"


def _is_clear(value: Any, *, secret: bool) -> bool:
    if not isinstance(value, str) or (secret and has_reference(value)):
        return False
    return secret or has_password(value)


class _Dumper(yaml.SafeDumper):
    """Text as it would be typed: `tree.py` reads every scalar as text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002
        return super().increase_indent(flow, indentless=False)


_Dumper.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if tag.endswith(":null")]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def to_yaml(plain: dict[str, Any]) -> str:
    text: str = yaml.dump(
        _written(plain), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text


def _written(value: Any) -> Any:
    """Numbers and truth values as the text that stands for them."""
    if isinstance(value, dict):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)
