"""Sealing: AES-256-GCM, bound to the place where the sealed bytes belong."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class NotOpened(ValueError):
    """Another key sealed these bytes, for another place, or they were changed."""


def seal(key: bytes, value: bytes, place: str) -> bytes:
    """A fresh 96-bit nonce, then the sealed value; opens for the same place only."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise NotOpened from None
