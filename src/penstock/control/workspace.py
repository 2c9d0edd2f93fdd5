"""A workspace: the folder, what its file says, and where its state is kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from penstock.control.file import FILE_NAME, ModelOf, Reading, read_secrets, read_spec
from penstock.control.master import MasterKeys
from penstock.control.problems import FileError, Problem, nearest
from penstock.control.references import References, Unresolved, read_dotenv
from penstock.control.secrets import mentions, url_passwords
from penstock.control.vault import Vault
from penstock.core.cards import Card, Role
from penstock.core.errors import ConfigError
from penstock.core.registry import Registry
from penstock.core.spec import ConnectionSpec, PipelineSpec, WorkspaceSpec
from penstock.core.store_place import StorePlace

DEFAULT_MEMORY = "512MB"
_CATALOG_URLS = ("postgresql://", "postgres://")
_LEAST_MEMORY = 64 * 1000**2
_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**n for n, letter in enumerate("KMGT", 1)}
_UNITS |= {f"{letter}iB": 1024**n for n, letter in enumerate("KMGT", 1)}


def find_root(start: Path, named: str | None) -> Path:
    """The workspace folder: the one that is named, else the nearest upwards that has the file."""
    if named:
        root = Path(named).expanduser().resolve()
        if not (root / FILE_NAME).is_file():
            raise ConfigError(
                f"There is no {FILE_NAME} in {root}.",
                hint=f"`penstock init {named}` makes a workspace there.",
                code="config.no_workspace",
            )
        return root
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ConfigError(
        f"There is no {FILE_NAME} in this folder or above it.",
        hint="Go into a workspace, name one with --workspace, or make one with `penstock init`.",
        code="config.no_workspace",
    )


@dataclass(frozen=True)
class Workspace:
    """Built by `Workspace.open`; reading it again never touches the file.

    Secrets of the catalog are opened when their connection is used for the first time.
    """

    root: Path
    spec: WorkspaceSpec = field(repr=False)
    registry: Registry = field(repr=False)
    state_dir: Path
    catalog_url: str = field(repr=False)
    staging_dir: Path
    """Of packages; those that are open, where `staging_place` holds the closed ones."""
    staging_place: StorePlace | None
    memory_bytes: int
    reading: Reading = field(repr=False)
    model_of: ModelOf = field(repr=False)
    references: References = field(repr=False)
    vault: Vault = field(repr=False)

    @staticmethod
    def open(
        root: Path, *, registry: Registry, model_of: ModelOf, environ: Mapping[str, str]
    ) -> Workspace:
        """Read and check the file.

        Raises:
            FileError: with every problem, before anything else is read or written.
        """
        variables = {**read_dotenv(root / ".env"), **environ}
        references = References(root, variables)
        text = _read_text(root / FILE_NAME)
        reading = read_spec(text, registry, model_of, references)
        if reading.spec is None or reading.problems:
            lost = [problem for found in reading.unresolved.values() for problem in found]
            raise FileError(FILE_NAME, [*reading.problems, *lost])
        state, catalog, staging, place = _places(reading.spec, root, references)
        keys = MasterKeys(root, state / "keys", variables)
        reading.secrets |= url_passwords(catalog) | (place.secrets if place else set())
        reading.secrets |= keys.given()
        vault = Vault(catalog, keys, reading.secrets)
        return Workspace(
            root, reading.spec, registry, state, catalog, staging, place,
            parse_bytes(variables.get("PENSTOCK_MEMORY") or DEFAULT_MEMORY), reading, model_of,
            replace(references, vault=vault), vault,
        )  # fmt: skip

    @property
    def failed_dir(self) -> Path:
        return self.state_dir / "failed"

    @property
    def logs_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def secrets(self) -> Collection[str]:
        """Values that must not appear in output, logs and errors; more come with their use."""
        return self.reading.secrets

    @property
    def warnings(self) -> list[str]:
        return [problem.at(FILE_NAME) for problem in sorted(self.reading.warnings)]

    def pipeline(self, name: str) -> PipelineSpec:
        """The pipeline, once everything that it refers to can be found."""
        if name not in self.spec.pipelines:
            known = self.spec.pipelines
            raise ConfigError(
                f"There is no pipeline called {name!r}.",
                hint=nearest(name, known).strip() or "`penstock status` lists the pipelines.",
                code="config.unknown_pipeline",
            )
        spec = self.spec.pipelines[name]
        self._refuse_unresolved(("source", spec.source), ("destination", spec.destination))
        return spec

    def with_pipeline(self, name: str, pipeline: PipelineSpec) -> Workspace:
        """The same with a pipeline that is not in the file, or other than there."""
        pipelines = {**self.spec.pipelines, name: pipeline}
        return replace(self, spec=self.spec.model_copy(update={"pipelines": pipelines}))

    def check_objects(
        self, pipeline: str, known: Collection[str], before: Collection[str] = ()
    ) -> None:
        """Refuse a pipeline that names objects which its source does not have.

        Args:
            known: the source's objects; they are known only once it was asked.
            before: objects of earlier jobs. One of them that is gone does not stop the others,
                and once there are any, neither does one that was excluded.

        Raises:
            FileError: with the place of each name; patterns may match nothing.
        """
        spec = self.spec.pipelines[pipeline]
        excluded = () if before else spec.objects.exclude
        named = [
            *((("objects", "include", at), name) for at, name in enumerate(spec.objects.include)),
            *((("objects", "exclude", at), name) for at, name in enumerate(excluded)),
            *((("settings", name), name) for name in spec.settings),
        ]
        problems = [
            Problem(
                *self.reading.tree.place(("pipelines", pipeline, *loc), key=loc[0] == "settings"),
                f"{spec.source!r} has no object {name!r}.{nearest(name, known)}",
            )
            for loc, name in named
            if name not in known and name not in before and not set("*?[") & set(name)
        ]
        if problems:
            raise FileError(
                FILE_NAME, problems, hint=f"`penstock discover {spec.source}` lists the objects."
            )

    def source(self, name: str) -> ConnectionSpec:
        """The connection with its references replaced; secrets are `SecretStr`."""
        return self._connection("source", name)

    def destination(self, name: str) -> ConnectionSpec:
        return self._connection("destination", name)

    def unresolved(self, role: Role, name: str) -> list[Problem]:
        """References of a connection that lead nowhere, once its secrets were opened.

        Raises:
            FileError: with its secrets in place, the settings are wrong.
            ConfigError: the secrets cannot be opened.
        """
        self._open_secrets((role, name))
        return self.reading.unresolved.get((role, name), [])

    def _connection(self, role: Role, name: str) -> ConnectionSpec:
        known = self.spec.sources if role == "source" else self.spec.destinations
        if name not in known:
            raise ConfigError(
                f"There is no {role} called {name!r}.",
                hint=nearest(name, known).strip() or f"Add one under `{role}s:` in {FILE_NAME}.",
                code="config.unknown_connection",
            )
        self._open_secrets((role, name))
        self._refuse_unresolved((role, name))
        card = self.registry.card(role, known[name].type)
        settings = self._rooted(card, self.reading.settings[role, name])
        return ConnectionSpec.of(card.name, settings)

    def _refuse_unresolved(self, *names: tuple[Role, str]) -> None:
        lost = [problem for name in names for problem in self.reading.unresolved.get(name, [])]
        if lost:
            raise FileError(FILE_NAME, lost)

    def _open_secrets(self, name: tuple[Role, str]) -> None:
        if name not in self.reading.waiting:
            return
        problems = read_secrets(self.reading, name, self.registry, self.model_of, self.references)
        if problems:
            raise FileError(FILE_NAME, problems)
        if name not in self.reading.unresolved:
            self.reading.waiting.discard(name)

    def _rooted(self, card: Card, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings with relative paths taken from the workspace, wherever the command runs."""
        fields = self.model_of(card).model_fields
        paths = {name for name, info in fields.items() if mentions(info, Path)}
        paths |= {name for name, setting in card.settings.items() if setting.type == "path"}
        return {
            name: str(self.root / Path(value).expanduser())
            if name in paths and isinstance(value, str) and not _is_special(value)
            else value
            for name, value in settings.items()
        }


def _is_special(path: str) -> bool:
    """`:memory:` and URLs are no files of ours."""
    return path.startswith(":") or "://" in path


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(path.name, [Problem(1, 1, "the file is not UTF-8 text.")]) from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}.", code="config.file"
        ) from error


def _places(
    spec: WorkspaceSpec, root: Path, references: References
) -> tuple[Path, str, Path, StorePlace | None]:
    """State folder, catalog (a path or a PostgreSQL URL), staging folder, object store."""
    home = references.variables.get("PENSTOCK_HOME")
    try:
        state = root / Path(home or references.expand(spec.state.dir or ".penstock")).expanduser()
        catalog = references.expand(spec.state.catalog or "")
        staging = references.expand(spec.state.staging or "")
    except Unresolved as error:
        raise ConfigError(f"`state` in {FILE_NAME}: {error}", code="config.state") from None
    if "://" in catalog and not catalog.startswith(_CATALOG_URLS):
        raise ConfigError(
            f"`state.catalog` in {FILE_NAME} is no address that can hold the catalog.",
            hint="Write postgresql://user@host:5432/database, the path of a file, or leave it out.",
            code="config.state",
        )
    if catalog and "://" not in catalog:
        catalog = str(root / catalog)
    catalog = catalog or str(state / "catalog.db")
    if "://" in staging:
        return state, catalog, state / "open", StorePlace.of(staging, references.variables)
    return state, catalog, root / (staging or state / "staging"), None


def parse_bytes(text: str) -> int:
    """Bytes of `256MB` (thousands), `256MiB` (1024s) or a plain number.

    >>> parse_bytes("64MiB")
    67108864
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    units = {unit.upper(): size for unit, size in _UNITS.items()}
    if found is None or found[2].upper() not in units:
        raise ConfigError(
            f"PENSTOCK_MEMORY is {text!r}, which is no size.",
            hint="Write it like 512MB, 512MiB or 2GB.",
            code="config.memory",
        )
    size = int(float(found[1]) * units[found[2].upper()])
    if size < _LEAST_MEMORY:
        raise ConfigError(
            f"PENSTOCK_MEMORY is {text!r}, too little to work with.",
            hint="Give it 64MB or more.",
            code="config.memory",
        )
    return size
