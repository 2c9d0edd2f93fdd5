"""A workspace: where it is found, what is resolved, where its state goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from penstock.control.problems import FileError
from penstock.control.workspace import Workspace, find_root, parse_bytes
from penstock.core.cards import Card, Setting
from penstock.core.errors import ConfigError
from penstock.core.registry import Registry

CARDS = (
    Card(
        name="crm", title="CRM", role="source",
        settings={"key": Setting(type="secret", label="Key", required=True)},
    ),
    Card(
        name="file", title="File", role="destination",
        settings={
            "path": Setting(type="path", label="Path"), "url": Setting(type="url", label="URL"),
            "size": Setting(type="integer", label="Size"),
        },
    ),
)  # fmt: skip
TEXT = """\
version: 1
sources: {a: {type: crm, key: "${KEY}"}}
destinations: {b: {type: file, path: w.db}}
pipelines: {p: {source: a, destination: b}}
"""


def opened(root: Path, text: str = TEXT, **environ: str) -> Workspace:
    (root / "penstock.yaml").write_text(text)
    registry = Registry({(card.role, card.name): card for card in CARDS})
    return Workspace.open(
        root, registry=registry, model_of=lambda card: card.settings_model(), environ=environ
    )


def test_the_file_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "penstock.yaml").touch()
    below = tmp_path / "transforms" / "deep"
    below.mkdir(parents=True)
    assert find_root(below, None) == tmp_path.resolve()


def test_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        find_root(tmp_path, str(tmp_path / "x"))
    assert "penstock init" in (raised.value.hint or "")


def test_secrets_are_resolved_and_wrapped(tmp_path: Path) -> None:
    settings = opened(tmp_path, KEY="tops3cret").source("a").settings
    assert isinstance(settings["key"], SecretStr)
    assert settings["key"].get_secret_value() == "tops3cret"


def test_dotenv_gives_what_the_environment_does_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# local\nexport KEY='from file' # yes\nOTHER=1\n")
    key = opened(tmp_path).source("a").settings["key"]
    assert key.get_secret_value() == "from file"


def test_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KEY=from file\n")
    key = opened(tmp_path, KEY="from outside").source("a").settings["key"]
    assert key.get_secret_value() == "from outside"


def test_a_reference_can_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("from key file\n")
    key = opened(tmp_path, TEXT.replace("${KEY}", "${file:key.txt}")).source("a").settings["key"]
    assert key.get_secret_value() == "from key file"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        pytest.param("${KEY}", "the environment variable KEY is not set", id="variable"),
        pytest.param("${file:none}", "the file none cannot be read", id="file"),
        pytest.param("${a b}", "is no reference", id="nonsense"),
    ],
)
def test_a_lost_reference_stops_the_pipeline_that_needs_it(
    tmp_path: Path, reference: str, said: str
) -> None:
    workspace = opened(tmp_path, TEXT.replace("${KEY}", reference))
    assert workspace.destination("b").type == "file"
    with pytest.raises(FileError) as raised:
        workspace.pipeline("p")
    assert said in raised.value.lines[0]


def test_a_dollar_brace_can_be_written_as_text(tmp_path: Path) -> None:
    workspace = opened(tmp_path, TEXT.replace("${KEY}", "a$${KEY}b"))
    assert workspace.source("a").settings["key"].get_secret_value() == "a${KEY}b"


def test_relative_paths_are_taken_from_the_workspace(tmp_path: Path) -> None:
    assert opened(tmp_path, KEY="k").destination("b").settings["path"] == str(tmp_path / "w.db")


def test_an_unknown_pipeline_names_the_nearest(tmp_path: Path) -> None:
    text = TEXT.replace("{p:", "{crm_to_file:")
    with pytest.raises(ConfigError) as raised:
        opened(tmp_path, text, KEY="k").pipeline("crm_to_fil")
    assert raised.value.hint == "Did you mean 'crm_to_file'?"


def test_state_is_kept_in_the_workspace(tmp_path: Path) -> None:
    workspace = opened(tmp_path, KEY="k")
    state = tmp_path / ".penstock"
    assert (workspace.state_dir, workspace.staging_dir) == (state, state / "staging")
    assert workspace.catalog_url == str(state / "catalog.db")


def test_state_can_be_put_elsewhere(tmp_path: Path) -> None:
    text = TEXT + "state: {dir: '${HOME_OF}/s', catalog: 'postgresql://u:${PW}@h/d', staging: t}\n"
    workspace = opened(tmp_path, text, KEY="k", HOME_OF="/srv", PW="hushhush")
    assert workspace.state_dir == Path("/srv/s")
    assert workspace.catalog_url == "postgresql://u:hushhush@h/d"
    assert workspace.staging_dir == tmp_path / "t"
    assert "hushhush" in workspace.secrets


@pytest.mark.parametrize("key", ["catalog", "staging"])
def test_a_state_that_cannot_be_kept_there_is_refused_without_its_password(
    tmp_path: Path, key: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        opened(tmp_path, TEXT + f"state: {{{key}: 'mysql://u:hushhush@h/d'}}\n", KEY="k")
    assert (raised.value.code, "hushhush" in str(raised.value.to_dict())) == ("config.state", False)
    assert [path.name for path in tmp_path.iterdir()] == ["penstock.yaml"]


def test_staging_can_be_in_an_object_store(tmp_path: Path) -> None:
    text = TEXT + "state: {staging: 's3://${BUCKET}/some/where/'}\n"
    (tmp_path / ".env").write_text("AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=hushhush\n")
    workspace = opened(tmp_path, text, KEY="k", BUCKET="b", AWS_REGION="eu-north-1", OTHER="x")
    place = workspace.staging_place
    assert place is not None
    assert (place.url, place.scheme) == ("s3://b/some/where", "s3")
    assert place.variables == {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "hushhush",
        "AWS_REGION": "eu-north-1",
    }
    assert workspace.staging_dir == tmp_path / ".penstock" / "open"
    assert "hushhush" in workspace.secrets
    assert "hushhush" not in repr(workspace)


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///", "ftp://h/d", "s3://id:hushhush@b/p", "s3://b/p?x=hushhush"]
)
def test_a_place_that_names_no_store_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        opened(tmp_path, TEXT + f"state: {{staging: '{url}'}}\n", KEY="k")
    assert (raised.value.code, "hushhush" in str(raised.value.to_dict())) == ("config.state", False)


def test_penstock_home_wins(tmp_path: Path) -> None:
    workspace = opened(tmp_path, KEY="k", PENSTOCK_HOME="/srv/p")
    assert workspace.state_dir == Path("/srv/p")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MB", 512_000_000), ("256MiB", 268_435_456), ("1.5GB", 1_500_000_000),
        ("100000000", 100_000_000), ("512 mb", 512_000_000),
    ],
)  # fmt: skip
def test_sizes_are_thousands_or_1024s(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "1 XB", "10MB", "-5GB"])
def test_a_size_that_cannot_work_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_bytes(text)


def test_a_workspace_printed_by_accident_shows_no_secret(tmp_path: Path) -> None:
    text = TEXT.replace('"${KEY}"', "tops3cret") + "state: {catalog: 'postgresql://u:hush1@h/d'}\n"
    shown = repr(opened(tmp_path, text))
    assert "tops3cret" not in shown
    assert "hush1" not in shown


def test_secrets_are_opened_when_their_connection_is_used(tmp_path: Path) -> None:
    text = TEXT.replace("${KEY}", "v1-${secret:crm}")
    opened(tmp_path, text).vault.set("crm", "tops3cret")
    workspace = opened(tmp_path, text)
    assert "tops3cret" not in workspace.secrets
    key = workspace.source("a").settings["key"]
    assert key.get_secret_value() == "v1-tops3cret"
    assert {"tops3cret", "v1-tops3cret"} <= set(workspace.secrets)
    assert "tops3cret" not in repr(workspace)


def test_a_secret_that_is_not_there_stops_what_needs_it(tmp_path: Path) -> None:
    workspace = opened(tmp_path, TEXT.replace("${KEY}", "${secret:crm}"))
    with pytest.raises(FileError) as raised:
        workspace.source("a")
    assert raised.value.lines[0].startswith("penstock.yaml:2:31: there is no secret called 'crm'.")
    workspace.vault.set("crm", "tops3cret")
    assert workspace.source("a").settings["key"].get_secret_value() == "tops3cret"


def test_a_setting_that_its_secret_makes_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    text = TEXT.replace("path: w.db", 'size: "${secret:size}"')
    opened(tmp_path, text).vault.set("size", "no number")
    with pytest.raises(FileError) as raised:
        opened(tmp_path, text).destination("b")
    assert raised.value.lines == ["penstock.yaml:3:38: 'size' must be a whole number."]


def test_the_place_of_the_catalog_cannot_be_a_secret_of_the_catalog(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        opened(tmp_path, TEXT + 'state: {catalog: "postgresql://u:${secret:pw}@h/db"}\n')
    assert raised.value.code == "config.state"
    assert "${secret:pw} cannot be used here" in raised.value.message


def test_the_master_key_is_kept_off_the_screen(tmp_path: Path) -> None:
    assert "a long phrase" in opened(tmp_path, PENSTOCK_SECRET_KEY="a long phrase").secrets
