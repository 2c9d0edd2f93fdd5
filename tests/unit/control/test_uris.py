"""URIs of `penstock copy` and the settings that they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from penstock.cli.settings import settings_model
from penstock.control.references import References
from penstock.control.uris import Endpoint, read_uri
from penstock.core.cards import Role
from penstock.core.errors import ConfigError
from penstock.core.registry import Registry

ENVIRON = {"PW": "p@ss:/?#%", "PORT": "6000", "EMPTY": ""}


def read(uri: str, role: Role = "source", **environ: str) -> Endpoint:
    references = References(Path("/work"), {**ENVIRON, **environ})
    return read_uri(role, uri, Registry.scan(), settings_model, references)


def plain(end: Endpoint) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in end.settings.items()
    }


@pytest.mark.parametrize(
    ("uri", "settings"),
    [
        pytest.param(
            "postgresql://ann:secret@db.example.com:5433/shop",
            {"user": "ann", "password": "secret", "host": "db.example.com", "port": "5433",
             "database": "shop"},
            id="all parts",
        ),
        pytest.param(
            "POSTGRES://ann@db/shop/", {"user": "ann", "host": "db", "database": "shop"},
            id="another scheme, in capitals",
        ),
        pytest.param(
            "postgresql://a%40b:p%40s%3As%2F@[::1]:5433/my%20shop",
            {"user": "a@b", "password": "p@s:s/", "host": "::1", "port": "5433",
             "database": "my shop"},
            id="encoded, and an IPv6 address",
        ),
        pytest.param(
            "postgresql://ann@%2Frun%2Fpostgresql/shop",
            {"user": "ann", "host": "/run/postgresql", "database": "shop"},
            id="a socket",
        ),
        pytest.param(
            "postgresql:///shop?user=ann&host=/run/postgresql&sslmode=disable&schema=a%2Cb",
            {"user": "ann", "host": "/run/postgresql", "database": "shop", "sslmode": "disable",
             "schema": "a,b"},
            id="settings behind the question mark",
        ),
        pytest.param(
            "postgresql://ann:${PW}@db:${PORT}/shop?schema=${PORT}+x",
            {"user": "ann", "password": "p@ss:/?#%", "host": "db", "port": "6000",
             "database": "shop", "schema": "6000 x"},
            id="references are taken as they are",
        ),
        pytest.param(
            "postgresql://ann:pa#ss@db/shop",
            {"user": "ann", "password": "pa#ss", "host": "db", "database": "shop"},
            id="no part is a fragment",
        ),
        pytest.param(
            "activecampaign://acme7421?api_key=${PW}&rate_limit=",
            {"account_name": "acme7421", "api_key": "p@ss:/?#%", "rate_limit": None},
            id="an account, and no limit",
        ),
    ],
)  # fmt: skip
def test_a_source_is_read_from_its_uri(uri: str, settings: dict[str, Any]) -> None:
    assert plain(read(uri)) == settings


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        pytest.param("duckdb:///data/shop.duckdb", "/data/shop.duckdb", id="absolute"),
        pytest.param("duckdb:////data/shop.duckdb", "/data/shop.duckdb", id="four slashes"),
        pytest.param("duckdb:////shop.duckdb", "/shop.duckdb", id="in the root folder"),
        pytest.param("duckdb:///shop.duckdb", "shop.duckdb", id="a bare name: in this folder"),
        pytest.param("duckdb://data/shop.duckdb", "data/shop.duckdb", id="relative"),
        pytest.param("duckdb://./a%3Fb.duckdb", "./a?b.duckdb", id="encoded"),
    ],
)
def test_a_file_is_read_from_its_uri(uri: str, path: str) -> None:
    assert plain(read(uri, "destination")) == {"path": path}


def test_a_password_may_come_from_the_usual_variable() -> None:
    end = read("postgresql://ann@db/shop", PGPASSWORD="from-there")
    assert plain(end)["password"] == "from-there"
    assert end.secrets == {"from-there"}
    typed = read("postgresql://ann:typed@db/shop", PGPASSWORD="from-there")
    assert plain(typed)["password"] == "typed"


def test_secrets_are_known_and_not_shown() -> None:
    end = read("postgresql://ann:${PW}@db/shop")
    assert end.secrets == {"p@ss:/?#%"}
    assert "p@ss" not in repr(end)
    assert not end.warnings


def test_a_secret_in_clear_is_warned_of_without_showing_it() -> None:
    for uri in ("postgresql://ann:hidden@db/shop", "activecampaign://acme?api_key=hidden"):
        [warning] = read(uri).warnings
        assert warning.startswith("SRC_URI holds a secret in clear text")
        assert "${SOURCE_" in warning
        assert "hidden" not in warning


@pytest.mark.parametrize(
    ("uri", "said", "hint"),
    [
        pytest.param("shop.csv", "it is no URI", "activecampaign://", id="no URI"),
        pytest.param("postgresq://x", "Did you mean 'postgresql'?", "", id="scheme"),
        pytest.param("duckdb:///x.db", "DuckDB is no source, only a destination", "", id="role"),
        pytest.param(
            "postgresql://db", "it has no user; it has no database (what follows the /", "shop",
            id="parts are missing, all are told",
        ),
        pytest.param("postgresql://u@db:99999/x", "'port' must be at most 65535", "", id="port"),
        pytest.param("postgresql://u@db:hidden/x", "the port is no number", "%2F", id="no port"),
        pytest.param("postgresql://u:hi/dden@db/x", "an @ after the name", "%2F", id="raw /"),
        pytest.param("postgresql://u:12/hidden@db/x", "an @ after the name", "%2F", id="raw /, 2"),
        pytest.param("postgresql://u:hid?den@db/x", "an @ behind the ?", "%3F", id="raw ?"),
        pytest.param("postgresql://u:h?dden=x@db/x", "an @ behind the ?", "%3F", id="raw ?, 2"),
        pytest.param("postgresql://u@d/x?hidden", "not made of name=value", "", id="no value"),
        pytest.param(
            "postgresql://u@d/x?shcema=a", "no setting 'shcema'. Did you mean 'schema'?",
            "penstock connectors postgres", id="no such setting",
        ),
        pytest.param(
            "postgresql://u@d/x?sslmode=hidden", "'sslmode' must be disable, allow", "", id="choice"
        ),
        pytest.param("postgresql://u@d:1/x?port=2", "'port' is given twice", "", id="twice"),
        pytest.param(
            "postgresql://u:${NOPE}@d/x", "the environment variable NOPE is not set", "",
            id="a reference that leads nowhere",
        ),
        pytest.param("postgresql://u:${NOPE@d/x", "has no `}`", "", id="an open reference"),
        pytest.param("postgresql://u:%FF@d/x", "not UTF-8", "", id="bytes"),
        pytest.param(
            "activecampaign://acme", "it has no api_key (?api_key=${AC_API_KEY}, or set", "",
            id="no key",
        ),
        pytest.param(
            "activecampaign://u@acme?api_key=hidden", "it has a user, and ActiveCampaign takes", "",
            id="a part too many",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_without_values(uri: str, said: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(uri)
    error = caught.value
    assert error.code == "copy.uri"
    assert error.message.startswith("SRC_URI: ")
    assert said in error.message
    assert error.hint
    assert hint in error.hint
    for piece in ("hidden", "dden", "hid"):
        assert piece not in error.message + error.hint


def test_every_example_of_a_card_is_right() -> None:
    variables = dict.fromkeys(("PG_PASSWORD", "MYSQL_PASSWORD", "AC_API_KEY"), "x")
    for card in Registry.scan():
        assert card.uri, card.name
        for scheme in card.uri.schemes:
            uri = scheme + card.uri.example[card.uri.example.index("://") :]
            assert read(uri, card.role, **variables).card == card
