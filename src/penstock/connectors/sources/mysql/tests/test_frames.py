"""Where rows end in the raw bytes of a result set."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from penstock.connectors.sources.mysql.rows import frames
from penstock.connectors.sources.mysql.rows.frames import Stop, clean, find, may_have_ended

EOF = b"\xfe\x00\x00\x22\x00"
ERROR = b"\xff\x25\x05#70100Query execution was interrupted"


def packet(payload: bytes, seq: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([seq % 256]) + payload


def row(line: bytes) -> bytes:
    size = len(line)
    if size < 251:
        return bytes([size]) + line
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little") + line
    return b"\xfd" + size.to_bytes(3, "little") + line


def stream(lines: Sequence[bytes], seq: int = 0, end: bytes = EOF) -> bytes:
    packets = [packet(row(b"," + line + b"\xff"), seq + at) for at, line in enumerate(lines)]
    return b"".join(packets) + packet(end, seq + len(lines))


def block(data: bytes) -> frames.Bytes:
    return np.frombuffer(bytearray(data), np.uint8)


def cleaned(data: bytes) -> tuple[list[bytes], frames.Frames]:
    raw = block(data)
    found = find(raw)
    clean(raw, found)
    size = int(found.ends[-1]) + 1 if len(found.ends) else 0
    return [line.lstrip(b" ") for line in raw[:size].tobytes().split(b"\n")[:-1]], found


SHAPES = {
    "narrow": (0, 3),
    "short": (3, 12),
    "usual": (20, 200),
    "around 251 bytes": (245, 256),
    "low byte of the length is always 255": (250, 252),
    "around 64 KB": (65_500, 65_600),
    "mixed": (0, 3000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_is_found_wherever_the_block_ends(shape: str) -> None:
    low, high = SHAPES[shape]
    dice = random.Random(shape)
    count = 600 if high < 60_000 else 40
    lines = [bytes(dice.choices(b"abc,0", k=dice.randint(low, high))) for _ in range(count)]
    data = stream(lines, seq=dice.randrange(256))
    found, last = cleaned(data)
    assert found == [b"," + line for line in lines]
    assert last.stop is Stop.DONE
    for _ in range(30):
        cut = dice.randrange(len(data))
        found, part = cleaned(data[:cut])
        assert part.stop is Stop.MORE
        rest, _ = cleaned(data[part.next :])
        assert found + rest == [b"," + line for line in lines]


def test_the_quick_way_takes_usual_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packet by packet only the last, incomplete ones are looked at."""
    lines = [b"x" * (240 + at % 30) for at in range(1000)]
    walked: list[int] = []
    walk = frames._walk

    def watched(data: frames.Bytes, at: int) -> frames.Frames:
        walked.append(len(data) - at)
        return walk(data, at)

    monkeypatch.setattr(frames, "_walk", watched)
    found, _ = cleaned(stream(lines))
    assert len(found) == 1000
    assert walked == [9]


def test_a_text_with_the_closing_byte_inside_is_still_one_row() -> None:
    lines = [b"plain", b"wrong \xff bytes of 30 or more in the middle", b"plain"]
    raw = block(stream(lines))
    found = find(raw)
    assert len(found.ends) == 3
    assert found.stop is Stop.DONE


def test_lines_that_could_not_be_built_vanish_and_are_counted() -> None:
    rows = [packet(row(b",a\xff"), 1), packet(b"\xfb", 2), packet(row(b",b\xff"), 3)]
    found, last = cleaned(b"".join(rows) + packet(b"\xfb", 4) + packet(EOF, 5))
    assert found == [b",a", b",b"]
    assert len(last.gone) == 2


def test_an_error_ends_the_rows() -> None:
    data = stream([b"one row of some length"] * 3, end=ERROR)
    found, last = cleaned(data)
    assert (len(found), last.stop) == (3, Stop.FAILED)
    assert data[last.next + 4 :] == ERROR


def test_a_row_of_several_packets_is_left_to_the_caller() -> None:
    data = stream([b"a"], end=b"\xfe" + bytes(20)) + b"\xff\xff\xff\x07" + bytes(50)
    assert find(block(data[: -54 - 25] + data[-54:])).stop is Stop.LARGE


@pytest.mark.parametrize("end", [EOF, ERROR, b"\xff\xff\x04#HY000\xc3\xa9"])
def test_the_end_is_never_overlooked(end: bytes) -> None:
    for count in (0, 1, 300):
        for seq in (0, 100, 254, 255):
            assert may_have_ended(block(stream([b"abc"] * count, seq, end)))


def test_usual_rows_do_not_look_like_the_end() -> None:
    data = stream([b"some text"] * 100)
    assert not may_have_ended(block(data[:-9]))
