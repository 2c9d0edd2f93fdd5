"""How a card says where the key goes: one class per kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from penstock.sdk.http.auth import Auth
from penstock.sdk.rest.values import Value, secret, text


class _Kind(BaseModel, frozen=True, extra="forbid"):
    setting: str
    """The secret setting."""


class HeaderAuth(_Kind):
    """The key in a header of its own: `Api-Token: <key>`."""

    kind: Literal["header"] = "header"
    name: str
    prefix: str = ""

    def build(self, config: BaseModel) -> Auth:
        return Auth.header(self.name, secret(self.setting, config), self.prefix)


class BearerAuth(_Kind):
    """`Authorization: Bearer <key>`."""

    kind: Literal["bearer"] = "bearer"

    def build(self, config: BaseModel) -> Auth:
        return Auth.bearer(secret(self.setting, config))


class BasicAuth(_Kind):
    """`Authorization: Basic`: a user name with the secret as password."""

    kind: Literal["basic"] = "basic"
    user: Value = ""

    def build(self, config: BaseModel) -> Auth:
        return Auth.basic(text(self.user, config) or "", secret(self.setting, config))


class QueryAuth(_Kind):
    """The key as a query parameter."""

    kind: Literal["query"] = "query"
    name: str

    def build(self, config: BaseModel) -> Auth:
        return Auth.query(self.name, secret(self.setting, config))


class NoAuth(BaseModel, frozen=True, extra="forbid"):
    """A public API."""

    kind: Literal["none"] = "none"

    def build(self, config: BaseModel) -> Auth:  # noqa: ARG002
        return Auth()


AnyAuth = Annotated[
    HeaderAuth | BearerAuth | BasicAuth | QueryAuth | NoAuth, Field(discriminator="kind")
]
