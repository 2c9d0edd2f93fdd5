"""Where the API of an account is, from whatever people paste."""

from __future__ import annotations

import pytest

from penstock.connectors.sources.activecampaign.source import base_url
from penstock.core.errors import ConfigError

ACME = "https://acme7421.api-us1.com/api/3"


@pytest.mark.parametrize(
    ("name", "url", "address"),
    [
        ("acme7421", None, ACME),
        (" acme7421 ", None, ACME),
        ("acme7421.api-us1.com", None, ACME),
        ("acme7421.activehosted.com", None, ACME),
        (None, "https://acme7421.api-us1.com", ACME),
        (None, "https://acme7421.api-us1.com/", ACME),
        (None, "https://acme7421.api-us1.com/api/3", ACME),
        (None, "https://acme7421.api-us1.com/api/3/", ACME),
        (None, "acme7421.api-us1.com", ACME),
        (None, "https://acme7421.activehosted.com/app/settings/developer", ACME),
        ("other", "https://acme7421.api-us1.com", ACME),
        (None, "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/3"),
        (None, "https://proxy.example/crm/", "https://proxy.example/crm/api/3"),
    ],
)
def test_the_address_comes_from_a_name_or_a_url(
    name: str | None, url: str | None, address: str
) -> None:
    assert base_url(name, url) == address


@pytest.mark.parametrize("name", [None, "", "  ", "acme corp", "-acme", "acmé"])
def test_without_a_name_or_url_there_is_no_address(name: str | None) -> None:
    with pytest.raises(ConfigError) as raised:
        base_url(name, None)
    assert raised.value.code == "config.settings"
