"""Cards are read at every start: one that is wrong is named, with what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.errors import ConfigError
from penstock.core.registry import Registry


@pytest.mark.parametrize(
    ("card", "told"),
    [
        pytest.param("nam: tides\ntitle: Tides\nrole: source\n", "name: Field required", id="key"),
        pytest.param("name: [tides\n", "line 2", id="syntax"),
        pytest.param("just words\n", "mapping", id="no mapping"),
    ],
)
def test_a_wrong_card_is_told_by_its_file(tmp_path: Path, card: str, told: str) -> None:
    folder = tmp_path / "sources" / "tides"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(card)
    with pytest.raises(ConfigError) as raised:
        Registry.scan(tmp_path)
    assert "tides/connector.yaml" in raised.value.message
    assert told in raised.value.message
    assert raised.value.code == "config.card"
