"""The declarative part of a REST source: what a card and its streams file may say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from penstock.core.cards import Card
from penstock.core.errors import ConfigError
from penstock.sdk.http import ErrorMeaning, HttpSettings
from penstock.sdk.rest.auth import AnyAuth, NoAuth
from penstock.sdk.rest.mistakes import Places, mistakes
from penstock.sdk.rest.paging.keyset import KeysetPages
from penstock.sdk.rest.paging.offset import OffsetPages
from penstock.sdk.rest.paging.simple import (
    LastKeyPages,
    LinkPages,
    NoPages,
    NumberedPages,
    TokenPages,
)
from penstock.sdk.rest.times import TimeFormat
from penstock.sdk.rest.values import Value, Values

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

AnyPages = Annotated[
    NoPages | OffsetPages | NumberedPages | TokenPages | LastKeyPages | KeysetPages | LinkPages,
    Field(discriminator="kind"),
]


class _Part(BaseModel, frozen=True, extra="forbid"):
    """A part of the card; what it does not know is refused."""


class CursorSpec(_Part):
    """How changed rows are asked for.

    Args:
        field: the row's change time.
        after: the parameter that keeps rows changed since a time.
        before: the parameter that keeps rows changed until a time.
        format: how the parameters are written: `day`, `instant`, `utc` (an instant ending in
            Z), `epoch` or `epoch_ms`; or a pattern of strftime for the time in UTC, which may hold
            other text: `greater-than(updated,%Y-%m-%dT%H:%M:%SZ)`.
        overlap_days: read again so many days before the cursor, because filters may work by
            whole days or in another zone; rows that come again are marked as seen.
        check: ask once per run for changes of the future; an answer with changes of the past
            shows that the filter is ignored.
    """

    field: str
    after: str
    before: str | None = None
    format: TimeFormat = "instant"
    overlap_days: int = Field(0, ge=0)
    check: bool = False


RowIdFields = Literal["payload"] | Annotated[tuple[str, ...], Field(min_length=1)]


def _key_or_row_id(raw: Any) -> Any:
    """Rows have the one or the other."""
    if not isinstance(raw, Mapping) or raw.get("row_id") is None:
        return raw
    if raw.get("primary_key"):
        raise PydanticCustomError("two_keys", "rows with a primary_key need no row_id")
    return {**raw, "primary_key": ()}


class SideloadSpec(_Part):
    """An array that comes with the rows of a stream and is a stream of its own.

    Args:
        title: as people write its name.
        records: the member of the answer that holds the rows.
        primary_key: fields that name a row; none for rows without a name.
        row_id: what the key of rows without a name is made of, as in a stream.
        fields: types of its fields, as in a stream.
        drop: fields that are not loaded.
    """

    title: str = ""
    records: str
    primary_key: tuple[str, ...] = ("id",)
    row_id: RowIdFields | None = None
    fields: Mapping[str, str] = {}
    drop: frozenset[str] = frozenset()

    _one_key = model_validator(mode="before")(_key_or_row_id)


class StreamSpec(_Part):
    """One collection of the API.

    Args:
        title: as people write its name.
        path: below the API's base URL.
        records: dotted path of the array of rows; empty when the body is the array.
        params: sent with every call; a list is sent as one parameter for each of its values.
        primary_key: fields that name a row; none for rows without a name.
        row_id: rows without a name get the key `_ps_id`, a hash: of all that a row holds
            (`payload`, also when nothing is said), or of the fields listed here, for rows
            whose other fields change: the dimensions of a report.
        pages: how all rows are got, where it is not as in the rest of the API.
        cursor: how changed rows are asked for; without it the stream is read whole at each run.
        modified_field: a change time by which older versions of a row are told from newer ones.
        whole_field: complete rows have it, redacted ones lack it.
        priority: lower is read first and goes first at the rate limit, where the first pages of
            every stream go before all others.
        ahead: calls of this stream that may be under way at once.
        deletes: rows that a complete, verified read did not bring are gone from the source.
        sideloads: arrays that come with the rows, by the name of their stream.
        drop: fields that are not loaded, in place of those of the API.
        sensitive: fields with personal or secret content.
        fields: types of fields: `integer`, `number`, `boolean`, `string`, `object`, `array`, `any`,
            or what text holds: `string(number)`, `string(bool)`, `string(datetime)`,
            `string(datetime_naive)`, `string(date)`; joined by a bar. Other fields are typed
            by their values.
    """

    title: str = ""
    path: str
    records: str = ""
    params: Mapping[str, Values] = {}
    primary_key: tuple[str, ...] = ("id",)
    row_id: RowIdFields | None = None
    pages: AnyPages | None = None
    cursor: CursorSpec | None = None
    modified_field: str | None = None
    whole_field: str | None = None
    priority: int = 0
    ahead: int = Field(4, ge=1, le=16)
    deletes: bool = True
    sideloads: Mapping[str, SideloadSpec] = {}
    drop: frozenset[str] | None = None
    sensitive: frozenset[str] = frozenset()
    fields: Mapping[str, str] = {}

    _one_key = model_validator(mode="before")(_key_or_row_id)


class LoginSpec(_Part):
    """A call that every good key may make; asked once per job and by `check`.

    Args:
        path: below the API's base URL.
        hint: where the user finds the right key.
        errors: what statuses mean for this call.
    """

    path: str
    errors: ErrorMeaning = ErrorMeaning()
    hint: str = ""


class RestSpec(_Part):
    """Everything a REST source declares.

    Args:
        base_url: where paths begin.
        auth: where the key goes.
        headers: sent with every call, e.g. the version of the API; nothing secret.
        rate_limit: calls per second of one account; null: none.
        account: what tells accounts apart that share a host, a setting of any type; the
            rate limit is for each of them. Empty: a host is one account.
        login: a call that shows whether the key works.
        errors: what statuses mean, where it is not as usual.
        http: time-outs, sizes, further tries.
        total: dotted path of the number of all rows in an answer.
        pages: how all rows of a stream are got.
        drop: fields that no stream loads.
        start: a date; the first read of streams with a cursor begins there.
        sweep: time between two complete reads of ids in streams with a cursor, which find
            deleted rows: `7d`, `12h`, or `off`.
        check_stream: the stream that `check` reads one row of.
        streams: the collections by name, mostly in a file of their own.
    """

    base_url: Value = None
    auth: AnyAuth = NoAuth()
    headers: Mapping[str, Value] = {}
    rate_limit: Value = None
    account: Value = None
    login: LoginSpec | None = None
    errors: ErrorMeaning = ErrorMeaning()
    http: HttpSettings = HttpSettings()
    total: str | None = None
    pages: AnyPages = NoPages()
    drop: frozenset[str] = frozenset()
    start: Value = None
    sweep: Value = "off"
    check_stream: str | None = None
    streams: Mapping[str, StreamSpec]


def load_spec(card: Card) -> RestSpec:
    """The card's `rest` part with its streams.

    Raises:
        ConfigError: the card is wrong; every problem is named.
    """
    parts: dict[str, Any] = dict(card.rest or {})
    if card.streams_file:
        parts["streams"] = _read(card.folder / card.streams_file)
    try:
        return RestSpec(**parts)
    except ValidationError as error:
        streams = card.folder / card.streams_file if card.streams_file else None
        problems = mistakes(error, RestSpec, Places(card.folder / "connector.yaml", streams))
        raise ConfigError(
            f"The card of {card.title} is wrong: {problems}.",
            hint="docs/reference/cards.md lists what a card may say.",
            code="config.card",
            type=card.name,
        ) from None


def _read(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_LOADER)  # noqa: S506 (a safe loader, in C where there is one)
