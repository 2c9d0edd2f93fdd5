"""Testing a connection step by step, with certificates made for the test."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loopback import Server, reply
from penstock.core.errors import ConfigError
from penstock.sdk.http import Auth, Http, HttpSettings, probe
from penstock.sdk.limiter import AccountLimiter


def certificate(folder: Path, address: str) -> Path:
    """Key and self-signed certificate of an address in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


def secured(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def plain() -> Iterator[Server]:
    with Server(lambda _request, _number: reply()) as server:
        yield server


def test_a_plain_server_is_reached_in_three_steps(plain: Server) -> None:
    steps = probe(f"{plain.url}/api/3")
    assert [(step.name, step.ok) for step in steps] == [
        ("settings", True),
        ("DNS", True),
        ("TCP", True),
    ]
    assert steps[0].detail == f"{plain.url}/api/3"
    assert steps[2].detail == f"127.0.0.1 port {plain.port}"


def test_a_trusted_certificate_is_the_fourth_step_and_calls_go_through(tmp_path: Path) -> None:
    file = certificate(tmp_path, "127.0.0.1")
    settings = HttpSettings(ca_file=file)
    with Server(lambda _request, _number: reply(b'{"a": 1}'), secured(file)) as server:
        assert [step.name for step in probe(server.url, settings)][-1] == "TLS"
        assert probe(server.url, settings)[-1].ok
        limiter = AccountLimiter("acme", None, folder=tmp_path)
        with Http(server.url, Auth(), limiter, settings=settings) as http:
            assert [http.get("x").body for _ in range(2)] == [b'{"a": 1}'] * 2


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_an_untrusted_certificate_is_named_and_nothing_is_sent(
    tmp_path: Path, address: str
) -> None:
    """Unknown to us, or known but of another host."""
    file = certificate(tmp_path, address)
    settings = HttpSettings(ca_file=file if address == "127.0.0.2" else None)
    with Server(lambda _request, _number: reply(), secured(file)) as server:
        last = probe(server.url, settings)[-1]
        assert (last.name, last.ok) == ("TLS", False)
        assert "not trusted" in last.detail
        assert last.hint
        limiter = AccountLimiter("acme", None, folder=tmp_path)
        with Http(server.url, Auth(), limiter, settings=settings) as http:
            with pytest.raises(ConfigError) as raised:
                http.get("x")
            assert (raised.value.code, raised.value.where["step"]) == ("source.certificate", "TLS")
        assert server.requests == []


@pytest.mark.parametrize(
    ("url", "names"),
    [
        pytest.param("api.example.com", ["settings"], id="no URL"),
        pytest.param(f"http://{'a' * 64}.example", ["settings", "DNS"], id="no such name"),
        pytest.param("http://127.0.0.1:{port}", ["settings", "DNS", "TCP"], id="nobody listens"),
    ],
)
def test_the_first_step_that_fails_is_the_last(url: str, names: list[str]) -> None:
    with Server(lambda _request, _number: reply()) as server:
        port = server.port
    steps = probe(url.format(port=port))
    assert [step.name for step in steps] == names
    assert [step.ok for step in steps] == [True] * (len(names) - 1) + [False]
    assert steps[-1].hint


def test_a_server_that_speaks_no_tls_fails_that_step(plain: Server) -> None:
    last = probe(plain.url.replace("http", "https"), HttpSettings(connect_timeout_s=0.5))[-1]
    assert (last.name, last.ok) == ("TLS", False)
