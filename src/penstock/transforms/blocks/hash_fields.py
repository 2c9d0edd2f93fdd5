"""Hash Fields: a digest in place of the value."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr

from penstock.transforms.blocks.block import Change, Effect, Group, ValueBlock, of_texts
from penstock.transforms.columns.column import Kind, Part
from penstock.transforms.columns.hashing import Algorithm, Encoding, hashed


class HashFields(ValueBlock):
    """Hash values of every kind; null stays null, empty text is hashed."""

    type: ClassVar = "HASH_FIELDS"
    title: ClassVar = "Hash Fields"
    group: ClassVar = Group.SECURITY
    effect: ClassVar = Effect.SAME_COLUMN
    handles: ClassVar = frozenset(Kind)

    algorithm: Algorithm = "SHA256"
    """The digest."""
    salt: SecretStr | None = None
    """Secret text put before each value."""
    encoding: Encoding = "HEX"
    """How the digest is written."""

    def change(self, part: Part) -> Change:
        salt = self.salt.get_secret_value() if self.salt else ""
        return of_texts(hashed(part, self.algorithm, salt, self.encoding))
