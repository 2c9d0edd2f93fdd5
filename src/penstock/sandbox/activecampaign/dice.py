"""Repeatable chance: the same key always throws the same numbers."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_LOW = 1 << 64


class Dice:
    """Numbers drawn from a hash of a key; many times cheaper to start than random.Random."""

    __slots__ = ("_key", "_pool")

    def __init__(self, key: str) -> None:
        self._key = blake2b(key.encode()).digest()
        self._pool = int.from_bytes(self._key, "little")

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        if self._pool < _LOW:
            self._key = blake2b(self._key).digest()
            self._pool = int.from_bytes(self._key, "little")
        self._pool, drawn = divmod(self._pool, n)
        return drawn

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def hexes(self, count: int) -> str:
        return f"{self.below(16**count):0{count}x}"
