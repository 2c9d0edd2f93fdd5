"""Declarative REST sources: a card in, a `Source` out; one class per declared kind."""

from penstock.sdk.rest.source import RestSource

__all__ = ["RestSource"]
