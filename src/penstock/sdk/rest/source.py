"""A source that is declared in a card: `RestSource`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
from pydantic import BaseModel

from penstock.core.batch import Batch
from penstock.core.cards import Card
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import (
    AuthError,
    ConfigError,
    Interrupted,
    ObjectFailed,
    PenstockError,
    TransientError,
    Unavailable,
)
from penstock.core.stream import Split, Stream
from penstock.sdk.http import Address, Answer, Http, probe, whole_json
from penstock.sdk.limiter import AccountLimiter
from penstock.sdk.replay import parse_events
from penstock.sdk.rest import values
from penstock.sdk.rest.asker import Asker
from penstock.sdk.rest.paging.keyset import KeysetPages
from penstock.sdk.rest.paging.offset import OffsetPages
from penstock.sdk.rest.reader import StreamReader
from penstock.sdk.rest.sides import Sides
from penstock.sdk.rest.spec import StreamSpec, load_spec
from penstock.sdk.rest.times import duration_ms
from penstock.sdk.rest.tools import columns_of, cutter_of, side_columns, streams_of
from penstock.sdk.source import (
    NOTHING_SAVED,
    ReadContext,
    Source,
    SourceStats,
    Step,
    Unread,
)

_NO_CONTENT = 204
# Pages that were asked for ahead of time wait as long as it takes to stage a batch.
_BATCHES_AHEAD = 4


class RestSource(Source):
    """Reads a REST API as its card declares it.

    A connector with quirks passes its own `base_url`, or overrides `greet`.
    """

    def __init__(self, card: Card, config: BaseModel, *, base_url: str | None = None) -> None:
        self.spec = load_spec(card)
        self._card = card
        self._config = config
        self._start = values.moment(self.spec.start, config)
        self._sweep_ms = duration_ms(values.text(self.spec.sweep, config) or "off")
        self.base_url = base_url or values.text(self.spec.base_url, config) or ""
        host = Address.of(self.base_url).netloc
        rate = values.number(self.spec.rate_limit, config)
        # Everybody who reads this account shares one budget, whatever pipeline they are in.
        account = values.text(self.spec.account, config)
        key = f"{card.name}:{host}" + (f":{account}" if account else "")
        self._limiter = AccountLimiter(key, rate)
        self._http = Http(
            self.base_url,
            self.spec.auth.build(config),
            self._limiter,
            meaning=self.spec.errors,
            settings=self.spec.http,
            headers=self._headers(),
        )
        self._login = threading.Lock()
        self._refused: PenstockError | None = None
        self._known = False

    def greet(self, answer: Answer) -> tuple[str, ...]:  # noqa: ARG002
        """Sentences to warn with, from the answer to the login call."""
        return ()

    # Looking

    def check(self) -> Iterator[Step]:
        steps = probe(self.base_url, self.spec.http)
        yield from steps
        if not all(step.ok for step in steps):
            return
        began = time.monotonic()
        try:
            if self.spec.login:
                warnings = self.greet(self._ask_login(threading.Event()))
                yield Step("login", ok=True, detail="the key works", seconds=_since(began))
                yield Step("rights", ok=True, detail=" ".join(warnings) or "as needed")
        except PenstockError as error:
            yield _failed("login", error, began)
            return
        yield from self._check_read()

    def _check_read(self) -> Iterator[Step]:
        name = self.spec.check_stream
        if name is None:
            return
        began = time.monotonic()
        stream = self.spec.streams[name]
        pages = stream.pages or self.spec.pages
        try:
            with self._asker(stream, ReadContext(limit=1)) as ask:
                page = ask.page({**self._params(stream), **pages.one_row()})
        except PenstockError as error:
            self._tell(error, name)
            yield _failed("read", error, began)
            return
        many = "" if page.total is None else f" of {page.total:,}"
        detail = f"{page.rows.count}{many} rows of {name}"
        yield Step("read", ok=True, detail=detail, seconds=_since(began))

    @property
    def identity(self) -> str:
        return self.base_url

    def discover(self) -> list[Stream]:
        return streams_of(self.spec)

    def plan(
        self,
        streams: Sequence[Stream],
        saved: Mapping[str, Checkpoint] = NOTHING_SAVED,  # noqa: ARG002
    ) -> list[Split]:
        """One split per collection, together with the sideloads asked for, by priority."""
        wanted = {stream.name for stream in streams}
        splits = []
        for name, spec in self.spec.streams.items():
            names = tuple(one for one in (name, *spec.sideloads) if one in wanted)
            if names:
                splits.append(Split(name, names, spec.priority))
        return sorted(splits, key=lambda split: split.priority)

    # Reading

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        spec = self.spec.streams[split.name]
        try:
            warnings = self._log_in(context)
            with self._asker(spec, context, split.streams) as ask:
                reader = self._reader(split, spec, ask, context, warnings)
                for batch in reader.batches(checkpoint):
                    yield self._wanted(batch, split)
        except Interrupted:
            return
        except PenstockError as error:
            self._tell(error, split.name)
            raise

    def parse(
        self, stream: Stream, events: Sequence[str], *, infer_dates: bool = True
    ) -> tuple[pa.RecordBatch, list[Unread]]:
        spec = self.spec.streams.get(stream.name)
        if spec is None:
            return parse_events(stream, events, infer_dates=infer_dates)
        columns = columns_of(self.spec, spec, envelope="events", infer_dates=infer_dates)
        return parse_events(stream, events, columns)

    @property
    def stats(self) -> SourceStats:
        return self._http.stats.totals()

    def close(self) -> None:
        self._http.close()
        self._limiter.close()

    def _reader(
        self,
        split: Split,
        spec: StreamSpec,
        ask: Asker,
        context: ReadContext,
        warnings: tuple[str, ...],
    ) -> StreamReader:
        sides = {
            spec.sideloads[name].records: (name, columns) for name, columns in ask.sides.items()
        }
        return StreamReader(
            name=split.name,
            spec=spec,
            pages=spec.pages or self.spec.pages,
            columns=ask.columns,
            sides=Sides(sides, context),
            ask=ask,
            context=context,
            params=self._params(spec),
            start=self._start if spec.cursor else None,
            sweep_ms=self._sweep_ms,
            warnings=warnings,
        )

    def _asker(self, spec: StreamSpec, context: ReadContext, streams: Sequence[str] = ()) -> Asker:
        dates = context.infer_dates
        columns = columns_of(self.spec, spec, infer_dates=dates)
        sides = {
            name: side_columns(one, infer_dates=dates)
            for name, one in spec.sideloads.items()
            if name in streams
        }
        pages = spec.pages or self.spec.pages
        return Asker(
            self._http,
            spec.path,
            cutter_of(self.spec, spec, columns, sides),
            columns=columns,
            sides=sides,
            priority=spec.priority,
            ahead=1 if context.limit else spec.ahead,
            room_bytes=_BATCHES_AHEAD * context.batch_bytes,
            cancel=context.cancel,
            called=context.called,
            pages=pages if isinstance(pages, OffsetPages | KeysetPages) else None,
        )

    def _params(self, spec: StreamSpec) -> dict[str, str | tuple[str, ...]]:
        found = {name: values.texts(value, self._config) for name, value in spec.params.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _headers(self) -> dict[str, str]:
        found = {name: values.text(it, self._config) for name, it in self.spec.headers.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _wanted(self, batch: Batch, split: Split) -> Batch:
        """The batch, or only its checkpoint when nobody asked for the rows of its stream."""
        if batch.stream in split.streams:
            return batch
        return Batch(split.streams[0], checkpoint=batch.checkpoint, warnings=batch.warnings)

    # Login and errors

    def _log_in(self, context: ReadContext) -> tuple[str, ...]:
        """Ask once per job whether the key works; whoever asks first gets the warnings."""
        with self._login:
            if self._refused:
                raise self._refused
            if self._known or not self.spec.login:
                return ()
            try:
                answer = self._ask_login(context.cancel)
            except Interrupted:
                raise
            except PenstockError as error:
                # Nobody else needs to try as long again.
                self._refused = error
                raise
            self._known = True
            return self.greet(answer)

    def _ask_login(self, cancel: threading.Event) -> Answer:
        login = self.spec.login
        if login is None:
            raise ConfigError("The card declares no login call.", code="config.card")
        try:
            return self._http.get(
                login.path, meaning=login.errors, priority=-1, accept=_no_web_page, cancel=cancel
            )
        except (Unavailable, ObjectFailed) as error:
            raise ConfigError(
                f"The server does not answer like the API of {self._card.title}: {error.message}",
                hint="Check the URL in the settings.",
                code="source.refused",
                **error.where,
            ) from error
        except AuthError as error:
            self._tell(error)
            raise

    def _tell(self, error: PenstockError, name: str | None = None) -> None:
        """Put the object into the error; into a refused key's, where to find the right one."""
        if not isinstance(error, AuthError):
            error.at(object=name)
        elif self.spec.login and self.spec.login.hint:
            error.hint = self.spec.login.hint


def _no_web_page(answer: Answer) -> None:
    """Refuse a login that was answered by something other than the API.

    Raises:
        BadBody: empty, HTML, or cut off.
    """
    if answer.status != _NO_CONTENT:
        whole_json(answer)


def _failed(step: str, error: PenstockError, began: float) -> Step:
    again = isinstance(error, TransientError)
    return Step(step, False, error.message, _since(began), error.hint, again=again)


def _since(began: float) -> float:
    return time.monotonic() - began
