"""Reading `penstock.yaml`: the spec, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from penstock.control.problems import Problem, nearest, words
from penstock.control.references import References, Unresolved, Waiting, has_reference
from penstock.control.secrets import has_password, secret_fields, url_passwords
from penstock.control.tree import Tree
from penstock.core.cards import Card, Role
from penstock.core.registry import Registry
from penstock.core.spec import WorkspaceSpec

FILE_NAME = "penstock.yaml"
ModelOf = Callable[[Card], type[BaseModel]]
Name = tuple[Role, str]


@dataclass
class Reading:
    """What one file says.

    Args:
        spec: None when there are problems.
        problems: to be changed before anything can be done.
        unresolved: references that lead nowhere, by connection: they matter when it is used.
        waiting: connections with secrets from the catalog: those are opened when it is used.
        warnings: lines for the user that stop nothing.
        settings: by connection, with references replaced; secrets wrapped.
        secrets: values that must not be shown.
        tree: the file itself, for problems that show only later.
    """

    spec: WorkspaceSpec | None = None
    problems: list[Problem] = field(default_factory=list)
    unresolved: dict[Name, list[Problem]] = field(default_factory=dict)
    waiting: set[Name] = field(default_factory=set)
    warnings: list[Problem] = field(default_factory=list)
    settings: dict[Name, dict[str, Any]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    tree: Tree = field(default_factory=Tree)


def read_spec(text: str, registry: Registry, model_of: ModelOf, references: References) -> Reading:
    """Check the whole file and report every problem of it at once.

    Args:
        text: the YAML.
        model_of: gives the settings model of a connector.
    """
    tree = Tree.read(text)
    reading = Reading(problems=list(tree.problems), tree=tree)
    if not isinstance(tree.value, dict):
        empty = tree.value is None
        text = (
            "the file is empty. `penstock init` writes one."
            if empty
            else "the file must be a group of `name: value` lines that begins with `version: 1`."
        )
        reading.problems = reading.problems or [Problem(1, 1, text)]
        return reading
    plain = _without_empty(tree.value)
    _check_shape(plain, tree, reading)
    _check_targets(plain, tree, reading)
    for role in get_args(Role):
        for name, raw in _groups(plain.get(f"{role}s")):
            _Connection(role, name, raw, tree, reading).check(registry, model_of, references)
    return reading


def read_secrets(
    reading: Reading, name: Name, registry: Registry, model_of: ModelOf, references: References
) -> list[Problem]:
    """Read a connection that waited for its secrets once more, now with them.

    Returns:
        What is wrong with its settings now that all of them are known.
    """
    role, connection = name
    again = Reading(tree=reading.tree)
    raw = reading.tree.value[f"{role}s"][connection]
    _Connection(role, connection, raw, reading.tree, again).check(registry, model_of, references)
    reading.settings.update(again.settings)
    reading.secrets.update(again.secrets)
    reading.unresolved.pop(name, None)
    reading.unresolved.update(again.unresolved)
    return again.problems


def _without_empty(raw: dict[str, Any]) -> dict[str, Any]:
    """Sections and pipeline keys that are there but hold nothing count as left out."""
    kept = {name: value for name, value in raw.items() if value is not None}
    pipelines = kept.get("pipelines")
    if isinstance(pipelines, dict):
        filled = {name: _filled(item) for name, item in pipelines.items()}
        kept["pipelines"] = filled
    return kept


def _filled(raw: Any) -> Any:
    return {k: v for k, v in raw.items() if v is not None} if isinstance(raw, dict) else raw


def _groups(section: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """The entries of a section that are mappings; other ones are reported by the spec."""
    if not isinstance(section, dict):
        return []
    return [(name, raw) for name, raw in section.items() if isinstance(raw, dict)]


def _check_shape(plain: dict[str, Any], tree: Tree, reading: Reading) -> None:
    try:
        reading.spec = WorkspaceSpec.model_validate(plain)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            loc = item["loc"]
            place = tree.place(loc, key=item["type"] in ("extra_forbidden", "missing"))
            fields = field_names(WorkspaceSpec, loc)
            reading.problems.append(Problem(*place, words(item, fields)))


def field_names(model: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[str, ...]:
    """Names of the fields that a mapping at this place may have."""
    here: Any = model
    for part in loc[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[part].annotation if part in here.model_fields else here
        else:
            here = next((a for a in reversed(get_args(here)) if a is not type(None)), here)
    return tuple(here.model_fields) if hasattr(here, "model_fields") else ()


def _check_targets(plain: dict[str, Any], tree: Tree, reading: Reading) -> None:
    """Every pipeline's source and destination exist."""
    for name, raw in _groups(plain.get("pipelines")):
        for role in get_args(Role):
            wanted, section = raw.get(role), plain.get(f"{role}s")
            known = section if isinstance(section, dict) else {}
            if isinstance(wanted, str) and wanted not in known:
                place = tree.place(("pipelines", name, role))
                text = f"there is no {role} called {wanted!r}.{nearest(wanted, known)}"
                reading.problems.append(Problem(*place, text))


@dataclass(frozen=True)
class _Connection:
    """One entry of `sources` or `destinations`, checked against its connector's model."""

    role: Role
    name: str
    raw: dict[str, Any]
    tree: Tree
    reading: Reading

    def check(self, registry: Registry, model_of: ModelOf, references: References) -> None:
        kind = self.raw.get("type")
        if not isinstance(kind, str):
            return
        card = registry.cards.get((self.role, kind))
        if card is None:
            known = [name for role, name in registry.cards if role == self.role]
            self._problem("type", f"there is no {self.role} type {kind!r}.{nearest(kind, known)}")
            return
        self._check_settings(card, model_of(card), references)

    def _check_settings(self, card: Card, model: type[BaseModel], references: References) -> None:
        secret = secret_fields(model)
        settings, lost = {}, set()
        for key, value in self.raw.items():
            if key == "type":
                continue
            self._warn_of_clear_text(key, value, secret=key in secret)
            try:
                settings[key] = self._resolved(value, references, secret=key in secret)
            except Waiting:
                lost.add(key)
                self.reading.waiting.add((self.role, self.name))
            except Unresolved as error:
                lost.add(key)
                problem = self._made(key, f"{error} It is for {key!r}.")
                self.reading.unresolved.setdefault((self.role, self.name), []).append(problem)
        self.reading.settings[self.role, self.name] = settings
        try:
            model(**settings)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                self._report(item, card, model, lost)

    def _resolved(self, value: Any, references: References, *, secret: bool) -> Any:
        if isinstance(value, list):
            return [self._resolved(item, references, secret=secret) for item in value]
        if isinstance(value, dict):
            return {k: self._resolved(v, references, secret=secret) for k, v in value.items()}
        if not isinstance(value, str):
            return value
        text = references.expand(value)
        self.reading.secrets |= url_passwords(text) | ({text} if secret else set())
        return SecretStr(text) if secret else text

    def _warn_of_clear_text(self, key: str, value: Any, *, secret: bool) -> None:
        if not isinstance(value, str) or has_reference(value) or not value:
            return
        if secret or has_password(value):
            variable = f"{self.name}_{key}".upper().replace("-", "_")
            text = (
                f"{key!r} holds a secret in clear text. "
                f"Better: put it into .env and write ${{{variable}}} here."
            )
            self.reading.warnings.append(self._made(key, text))

    def _report(self, item: Any, card: Card, model: type[BaseModel], lost: set[str]) -> None:
        """Note one pydantic error; what may be due to a lost reference is left out."""
        loc = item["loc"]
        if lost and (not loc or loc[0] in lost):
            return
        fields = (*(info.alias or name for name, info in model.model_fields.items()), "type")
        if not loc:
            text = f"{self.name!r}: {_sentence(item)}"
            self.reading.problems.append(self._made(None, text))
            return
        place = self.tree.place(
            (f"{self.role}s", self.name, *loc), key=item["type"] in ("extra_forbidden", "missing")
        )
        hint = _about(card, str(loc[0])) if item["type"] == "missing" else ""
        self.reading.problems.append(Problem(*place, words(item, fields) + hint))

    def _problem(self, key: str, text: str) -> None:
        self.reading.problems.append(self._made(key, text))

    def _made(self, key: str | None, text: str) -> Problem:
        loc = (f"{self.role}s", self.name, *([key] if key else []))
        return Problem(*self.tree.place(loc, key=key is None), text)


def _sentence(item: Any) -> str:
    said = str(item.get("ctx", {}).get("error", item["msg"]))
    return said if said.endswith((".", "?", "!")) else f"{said}."


def _about(card: Card, name: str) -> str:
    setting = card.settings.get(name)
    return f" {setting.help}" if setting and setting.help else ""
