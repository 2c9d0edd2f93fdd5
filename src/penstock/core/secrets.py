"""What the catalog keeps of secrets: sealed values, and the wrapped key that opens them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataKey:
    """The key that seals the values, itself wrapped by the master key.

    Args:
        id: of the data key; it stays when the master key changes.
        master_id: tells which master key wraps it, and nothing else about that one.
        salt: for deriving a wrapping key from a master key that is a phrase.
        created_at: epoch ms.
    """

    id: str
    master_id: str
    salt: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    created_at: int = 0


@dataclass(frozen=True)
class SealedSecret:
    """One sealed value, and the id of the data key that opens it."""

    key_id: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True)
class SecretInfo:
    """What may be shown of a secret; instants are epoch ms."""

    name: str
    created_at: int
    updated_at: int
