"""One answer on its way out, and the error bodies that the API is known to send."""

import json
from dataclasses import dataclass, field
from typing import Literal, get_args

# How the bytes reach the client; all but "whole" end the connection.
Delivery = Literal["whole", "reset_before", "reset_within", "cut_body", "cut_chunks"]

Shape = Literal[
    "message", "errors", "error_texts", "errors_text", "success0", "object", "html", "empty"
]

HTML = (
    "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>"
    "<p>We are currently having some issues. Please try again later.</p></body></html>"
)


@dataclass(frozen=True)
class Answer:
    """Status, headers and body, and how and when they are sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    envelope: str | None = None
    delivery: Delivery = "whole"
    delay_s: float = 0.0
    fault: str | None = field(default=None)


def error(status: int, text: str, shape: Shape = "message", *, plain_text: bool = False) -> Answer:
    """An error in one of the shapes in which the API has been seen to send it."""
    if shape not in get_args(Shape):
        raise ValueError(f"No error body {shape!r}; shapes: {', '.join(get_args(Shape))}.")
    if shape == "html":
        page = HTML.format(title=f"{status} {text}").encode()
        return Answer(status, page, "text/html; charset=UTF-8")
    if shape == "empty":
        return Answer(status)
    kind = "text/plain;charset=UTF-8" if plain_text else "application/json"
    return Answer(status, json.dumps(_error_body(status, text, shape)).encode(), kind)


def _error_body(status: int, text: str, shape: Shape) -> dict[str, object]:
    item = {"title": text, "detail": "", "code": "field_invalid", "status": status}
    shapes: dict[str, dict[str, object]] = {
        "message": {"message": text},
        "errors": {"errors": [item | {"source": {"pointer": "/data/attributes/id"}}]},
        "error_texts": {"errors": [text, "second text"]},
        "errors_text": {"errors": text},
        "success0": {"success": 0, "message": text, "result_code": 0},
        "object": {},
    }
    return shapes[shape]
