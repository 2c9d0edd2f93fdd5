"""Reading `penstock.yaml`: every problem at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.control.file import Reading, read_spec
from penstock.control.references import References
from penstock.core.cards import Card, Setting
from penstock.core.registry import Registry

CRM = Card(
    name="activecampaign",
    title="ActiveCampaign",
    role="source",
    settings={
        "account_name": Setting(label="Account"),
        "api_key": Setting(type="secret", label="Key", required=True, help="Settings > Developer."),
        "pages": Setting(type="integer", label="Pages", minimum=1),
        "wide": Setting(type="boolean", label="Wide"),
    },
)
FILE = Card(
    name="duckdb",
    title="DuckDB",
    role="destination",
    settings={"path": Setting(type="path", label="Path", required=True)},
)
REGISTRY = Registry({(card.role, card.name): card for card in (CRM, FILE)})
GOOD = """\
version: 1
sources:
  crm: {type: activecampaign, api_key: "${KEY}"}
destinations:
  warehouse: {type: duckdb, path: w.duckdb}
pipelines:
  main: {source: crm, destination: warehouse}
"""


def read(text: str, **variables: str) -> Reading:
    references = References(Path("/nowhere"), variables)
    return read_spec(text, REGISTRY, lambda card: card.settings_model(), references)


def problems(text: str) -> list[str]:
    return [p.at("f") for p in sorted(read(text, KEY="k" * 20).problems)]


def with_pipeline(lines: str) -> str:
    return GOOD.replace("main: {source: crm, destination: warehouse}", lines)


def test_a_good_file_has_no_problems() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "f:1:1: the file is empty. `penstock init` writes one.", id="empty"),
        pytest.param(
            "- a",
            "f:1:1: the file must be a group of `name: value` lines that begins with `version: 1`.",
            id="a list",
        ),
        pytest.param(
            "version: [",
            "f:2:1: this is not valid YAML: while parsing a flow node, "
            "did not find expected node content.",
            id="broken YAML",
        ),
        pytest.param(
            "version: 1\nsources:\n\tcrm:\n",
            "f:3:1: this line begins with a tab: YAML needs spaces.", id="a tab",
        ),
        pytest.param(
            "version: 1\na\x00b: 1\n",
            "f:2:2: this is not valid YAML: the character '\\x00' is not allowed.",
            id="a control character",
        ),
        pytest.param(
            "version: 1\n---\nversion: 1\n",
            "f:2:1: this is not valid YAML: expected a single document in the stream, "
            "but found another document.",
            id="two documents",
        ),
        pytest.param(
            "version: 1\nsources:\n  a: {<<: text, type: activecampaign}\n",
            "f:3:11: `<<` takes a group of lines.", id="a merge of nothing",
        ),
        pytest.param(
            GOOD + "sorces: {}\n", "f:8:1: unknown key 'sorces'. Did you mean 'sources'?",
            id="unknown section",
        ),
        pytest.param(
            GOOD.replace("version: 1", "version: 7"),
            "f:1:10: 'version' must be 1, the only version of this file so far.",
            id="unknown version",
        ),
        pytest.param(
            GOOD.replace("activecampaign", "activecampain"),
            "f:3:15: there is no source type 'activecampain'. Did you mean 'activecampaign'?",
            id="unknown type",
        ),
        pytest.param(
            GOOD.replace("api_key", "api_kye"),
            "f:3:31: unknown key 'api_kye'. Did you mean 'api_key'?",
            id="unknown setting",
        ),
        pytest.param(
            GOOD.replace(', api_key: "${KEY}"', ""),
            "f:3:3: 'api_key' is missing. Settings > Developer.",
            id="missing setting",
        ),
        pytest.param(
            GOOD.replace('api_key: "${KEY}"', 'api_key: "${KEY}", pages: many'),
            "f:3:57: 'pages' must be a whole number.",
            id="wrong type",
        ),
        pytest.param(
            GOOD.replace('api_key: "${KEY}"', 'api_key: "${KEY}", pages: 0'),
            "f:3:57: 'pages' must be at least 1.",
            id="out of range",
        ),
        pytest.param(
            GOOD.replace("source: crm", "source: cmr"),
            "f:7:18: there is no source called 'cmr'. Did you mean 'crm'?",
            id="dangling source",
        ),
        pytest.param(
            with_pipeline("main: {source: crm, destination: warehouse, schedule: 1.5h}"),
            "f:7:57: 'schedule' is not a schedule. Write `30m`, `6h`, `manual` or "
            '{cron: "0 7 * * *", tz: Europe/Berlin}.',
            id="not a schedule",
        ),
        pytest.param(
            with_pipeline("main: {source: crm, destination: warehouse, load_mode: upsert}"),
            "f:7:58: 'load_mode' must be merge, append or history.",
            id="unknown mode",
        ),
        pytest.param(
            with_pipeline("main: {source: crm, destination: warehouse, destination_prefix: a-b}"),
            "f:7:67: 'destination_prefix' can have letters, digits and _ only, at most 32 of them.",
            id="bad prefix",
        ),
        pytest.param(
            with_pipeline("main: {source: crm, destination: warehouse, source: crm}"),
            "f:7:47: 'source' is here twice; keep one.",
            id="a key twice",
        ),
        pytest.param(
            with_pipeline(
                "main: {source: crm, destination: warehouse, settings: {deals: {primary_ky: id}}}"
            ),
            "f:7:66: unknown key 'primary_ky'. Did you mean 'primary_key'?",
            id="unknown key of an object",
        ),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_its_place(text: str, said: str) -> None:
    assert said in problems(text)


def test_all_problems_are_reported_together() -> None:
    text = "version: 1\nsorces: {}\npipelines:\n  a: {source: x, destination: y, load_mode: z}\n"
    assert [line.split(": ")[0] for line in problems(text)] == [
        "f:2:1", "f:4:15", "f:4:31", "f:4:45"
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["on", "0123", "1e3", "no", "2026-01-01", "12:30"])
def test_text_stays_as_it_was_written(word: str) -> None:
    text = GOOD.replace('"${KEY}"', f'"${{KEY}}", account_name: {word}')
    assert read(text, KEY="k").settings["source", "crm"]["account_name"] == word


def test_a_section_without_entries_counts_as_left_out() -> None:
    reading = read("version: 1\nsources:\ndestinations:\n  # none yet\n")
    assert (reading.problems, reading.spec and reading.spec.sources) == ([], {})


def test_a_missing_variable_is_held_back_until_the_connection_is_used() -> None:
    reading = read(GOOD)
    assert reading.problems == []
    assert [p.at("f") for p in reading.unresolved["source", "crm"]] == [
        (
            "f:3:40: the environment variable KEY is not set. Set it, or add it to .env. "
            "It is for 'api_key'."
        )
    ]


def test_a_reference_that_is_not_closed_is_no_text() -> None:
    reading = read(GOOD.replace("${KEY}", "${KEY"))
    assert [p.at("f") for p in reading.unresolved["source", "crm"]] == [
        (
            "f:3:40: a `${` has no `}`. Write `$${` where these characters are meant. "
            "It is for 'api_key'."
        )
    ]


def test_a_connection_can_take_over_what_another_says() -> None:
    text = GOOD.replace("crm: {", "crm: &crm {").replace(
        "destinations:", "  second: {<<: *crm, account_name: other}\ndestinations:", 1
    )
    reading = read(text)
    assert (reading.problems, reading.spec and set(reading.spec.sources)) == ([], {"crm", "second"})
    assert reading.settings["source", "second"]["account_name"] == "other"
    assert [p.at("f") for p in reading.unresolved["source", "second"]] == [
        (
            "f:3:45: the environment variable KEY is not set. Set it, or add it to .env. "
            "It is for 'api_key'."
        )
    ]


def test_a_secret_in_clear_text_gives_a_warning_without_the_secret() -> None:
    reading = read(GOOD.replace("${KEY}", "tops3cret"))
    assert [p.at("f") for p in reading.warnings] == [
        (
            "f:3:40: 'api_key' holds a secret in clear text. "
            "Better: put it into .env and write ${CRM_API_KEY} here."
        )
    ]
    assert reading.secrets == {"tops3cret"}


def test_no_problem_shows_a_value() -> None:
    text = GOOD.replace('"${KEY}"', "[hush, hush]").replace("path: w.duckdb", "path: {a: hush}")
    assert "hush" not in " ".join(problems(text))


def test_aliases_that_unfold_for_ever_are_refused() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    assert any("far too much" in line for line in problems("\n".join(lines)))
