"""Faults on demand: which request meets which, and what it does to the answer."""

import json
import random
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal, get_args

from penstock.sandbox.activecampaign.answer import HTML, Answer, Shape, error

FaultKind = Literal[
    "status",
    "html_page",
    "empty_body",
    "cut_json",
    "no_envelope",
    "envelope_object",
    "envelope_null",
    "array_body",
    "reset_before",
    "reset_within",
    "cut_body",
    "cut_chunks",
    "slow",
]


@dataclass
class Fault:
    """One rule; it counts the requests that match its path since it was set.

    Args:
        kind: what happens.
        path: relative to the base, e.g. `/contacts`, with `*` and `?` as in file names.
        status, shape, plain_text, retry_after: the answer, for kind "status".
        nth: fire on exactly these matching requests, the first being 1.
        times: fire at most so often.
        probability: of firing, 0 to 1, where `nth` does not decide.
        seconds: how long to wait before answering, for kind "slow".
    """

    kind: FaultKind
    path: str = "*"
    status: int = 500
    shape: Shape = "message"
    plain_text: bool = False
    retry_after: int | None = None
    nth: tuple[int, ...] = ()
    times: int | None = None
    probability: float = 1.0
    seconds: float = 1.0
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"No fault {self.kind!r}; kinds: {', '.join(get_args(FaultKind))}.")
        self.nth = tuple(self.nth)
        error(self.status, "", self.shape)

    def meets(self, path: str, chance: random.Random) -> bool:
        """Count a request to `path`; true when the fault would strike it."""
        if not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        if self.nth:
            return self.seen in self.nth
        if self.times is not None and self.fired >= self.times:
            return False
        return self.probability >= 1 or chance.random() < self.probability


class Faults:
    """The rules in force; the first that would strike a request does."""

    def __init__(self, seed: int, passing_rate: float) -> None:
        self._chance = random.Random(seed)
        self._passing_rate = passing_rate
        self.rules: list[Fault] = []

    def meet(self, path: str) -> Fault | None:
        """The fault that strikes a request to `path`, if any; every rule sees the request."""
        struck = [rule for rule in self.rules if rule.meets(path, self._chance)]
        if struck:
            struck[0].fired += 1
            return struck[0]
        if self._passing_rate and self._chance.random() < self._passing_rate:
            return self._chance.choice(PASSING)
        return None


# Faults that go away by themselves, for `fault_rate`.
PASSING = (
    Fault("status", status=500),
    Fault("status", status=502, shape="html"),
    Fault("status", status=503, shape="html"),
    Fault("status", status=504, shape="empty"),
    Fault("status", status=520, shape="html"),
    Fault("status", status=429, retry_after=1),
    Fault("html_page"),
    Fault("empty_body"),
    Fault("cut_json"),
    Fault("reset_before"),
    Fault("reset_within"),
    Fault("cut_body"),
    Fault("cut_chunks"),
)


def strike(fault: Fault, answer: Answer) -> Answer:
    """The answer as the fault leaves it."""
    return replace(_struck(fault, answer), fault=fault.kind)


def _struck(fault: Fault, answer: Answer) -> Answer:
    match fault.kind:
        case "status":
            return _status(fault)
        case "html_page":
            page = HTML.format(title="ActiveCampaign").encode()
            return replace(answer, status=200, body=page, content_type="text/html; charset=UTF-8")
        case "empty_body":
            return replace(answer, body=b"")
        case "cut_json":
            return replace(answer, body=answer.body[: len(answer.body) * 2 // 3])
        case "slow":
            return replace(answer, delay_s=fault.seconds)
        case "reset_before" | "reset_within" | "cut_body" | "cut_chunks":
            return replace(answer, delivery=fault.kind)
    return replace(answer, body=_reshaped(fault.kind, answer))


def _status(fault: Fault) -> Answer:
    answer = error(fault.status, f"Fault {fault.status}", fault.shape, plain_text=fault.plain_text)
    if fault.retry_after is None:
        return answer
    return replace(answer, headers=(("Retry-After", str(fault.retry_after)),))


def _reshaped(kind: str, answer: Answer) -> bytes:
    """Well-formed JSON of the wrong form."""
    body = json.loads(answer.body)
    if kind == "array_body":
        body = [body]
    elif answer.envelope:
        rows = body.pop(answer.envelope)
        if kind != "no_envelope":
            body[answer.envelope] = {"0": rows} if kind == "envelope_object" else None
    return json.dumps(body).encode()
