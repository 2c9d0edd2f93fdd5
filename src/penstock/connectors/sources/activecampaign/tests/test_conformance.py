"""ActiveCampaign is held to what every source promises, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from penstock.sdk.conformance.source import SourceSuite


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, Any]]:
    with Sandbox(SandboxOptions(contacts=260, rate_limit=None)) as box:
        yield {"api_url": box.url, "api_key": box.token, "rate_limit": None}


class TestActiveCampaign(SourceSuite):
    type = "activecampaign"

    @pytest.fixture
    def settings(self, account: dict[str, Any]) -> dict[str, Any]:
        return account

    @pytest.fixture
    def refused(self) -> dict[str, Any]:
        return {"api_key": "wrong"}
