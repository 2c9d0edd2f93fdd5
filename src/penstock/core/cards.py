"""A card: what is known of a connector without importing it."""

from __future__ import annotations

import shlex
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    create_model,
)

Role = Literal["source", "destination"]
SettingType = Literal[
    "string", "secret", "integer", "number", "boolean", "date", "moment", "duration", "path", "url",
    "choice",
]  # fmt: skip

_DAY_CHARS = len("2025-01-01")


def _moment(value: Any) -> Any:
    """A day, or a time of one with or without an offset; numbers are neither.

    Raises:
        ValueError: it is none.
    """
    text = value.strip() if isinstance(value, str) else str(value)
    try:
        if len(text) > _DAY_CHARS:
            return datetime.fromisoformat(text)
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("write a day or a time, like 2025-03-01 or 2025-03-01 06:00:00") from None


_PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "secret": SecretStr,
    "integer": int,
    "number": float,
    "boolean": bool,
    "date": date,
    "moment": Annotated[date | datetime, PlainValidator(_moment)],
    "duration": str,
    "path": Path,
    "url": str,
}


class Setting(BaseModel):
    """One field of a connection form; its texts are the form's texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: SettingType = "string"
    label: str
    help: str = ""
    default: Any = None
    required: bool = False
    nullable: bool = False
    """An explicit null means something else than leaving it out (e.g. "no limit")."""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    example: str | None = None

    def field(self) -> tuple[Any, Any]:
        """(annotation, FieldInfo) for `pydantic.create_model`."""
        kind = Literal[self.choices] if self.type == "choice" else _PYTHON_TYPES[self.type]
        info = Field(
            ... if self.required else self.default,
            title=self.label,
            description=self.help,
            ge=self.minimum,
            le=self.maximum,
            max_length=self.max_length,
            validate_default=not self.required,
        )
        return (kind if self.required else kind | None), info


class UriForm(BaseModel):
    """How a URI names a connection for `penstock copy`: which of its parts is which setting.

    Further settings stand behind the `?`, by their names.

    Args:
        schemes: what a URI begins with.
        example: shown where one is wrong.
        host, port, user, password: settings that these parts are.
        path: the setting that is what follows the server's name; without `host` there is no
            server, and all is a path of a file.
        qualifier: the setting that lists the schemas or databases to read, to which tables
            named in full (`sales.orders`) add theirs.
        environment: variables that fill settings which the URI leaves out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: tuple[str, ...] = Field(min_length=1)
    example: str
    host: str | None = None
    port: str | None = None
    user: str | None = None
    password: str | None = None
    path: str | None = None
    qualifier: str | None = None
    environment: dict[str, str] = {}


class Card(BaseModel):
    """`connector.yaml`: enough to list, document, draw the form and check the settings.

    Args:
        title: as people write the system's name.
        requires: distributions of its driver, without which `open` says what to install.
        settings: form fields by name; a `config.py` beside the card replaces them.
        uri: how URIs name a connection; without it `penstock copy` does not know it.
        rest: the declarative part of a REST source, validated by `sdk.rest` when opened.
        streams_file: YAML beside the card with the streams (kept apart: cards are scanned
            at every start, streams are long).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    role: Role
    summary: str = ""
    requires: tuple[str, ...] = ()
    extra: str | None = None
    settings: dict[str, Setting] = {}
    uri: UriForm | None = None
    rest: dict[str, Any] | None = None
    streams_file: str | None = None
    modes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def package(self) -> str:
        """Dotted name of the connector's folder."""
        return f"penstock.connectors.{self.role}s.{self.name}"

    @property
    def install_line(self) -> str:
        """What to type to get its driver; asking for `penstock[extra]` would fetch a stranger."""
        return f"pip install {' '.join(map(shlex.quote, self.requires))}"

    def has(self, file: str) -> bool:
        return (self.folder / file).is_file()

    def settings_model(self) -> type[BaseModel]:
        """A model of `settings`; connectors with a `config.py` use that one instead."""
        fields: dict[str, Any] = {name: item.field() for name, item in self.settings.items()}
        model: type[BaseModel] = create_model(
            f"{self.name.title().replace('_', '')}Settings",
            __config__=ConfigDict(extra="forbid", hide_input_in_errors=True),
            **fields,
        )
        return model
