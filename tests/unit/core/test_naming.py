"""Names of tables and columns."""

import pytest

from penstock.core.compress import Measure
from penstock.core.errors import ConfigError
from penstock.core.naming import NameKind, NameScope, NameStyle, check_prefix, sanitize


@pytest.mark.parametrize(
    ("source", "lower", "upper"),
    [
        ("Table$namE_05_", "table_name_05", "TABLE_NAME_05"),
        ("_Table$namE_05_", "_table_name_05", "_TABLE_NAME_05"),
        ("order items", "order_items", "ORDER_ITEMS"),
        ("userID", "userid", "USERID"),
        ("a__b", "a__b", "A__B"),
        ("2024 Sales", "2024_sales", "2024_SALES"),
        ("Montréal report", "montr_al_report", "MONTR_AL_REPORT"),
    ],
)
def test_classic_names(source: str, lower: str, upper: str) -> None:
    assert sanitize(source, kind="table") == lower
    assert sanitize(source, kind="table", upper=True) == upper


@pytest.mark.parametrize(
    ("source", "column", "table"),
    [
        ("Montréal report", "montreal_report", "montreal_report"),
        ("first name", "first_name", "first_name"),
        ("total$amount", "total_amount", "total_amount"),
        ("userID", "user_id", "user_id"),
        ("order2Cash", "order_2_cash", "order_2_cash"),
        ("2024 Sales", "_2024_sales", "_2024_sales"),
        ("_private", "_private", "private"),
        ("HTTPResponseCode", "httpresponse_code", "httpresponse_code"),
    ],
)
def test_snake_names(source: str, column: str, table: str) -> None:
    assert sanitize(source, kind="column", style=NameStyle.SNAKE) == column
    assert sanitize(source, kind="table", style=NameStyle.SNAKE) == table


@pytest.mark.parametrize("style", [NameStyle.CLASSIC, NameStyle.SNAKE])
@pytest.mark.parametrize("source", ["$$$", "___", "表"])
def test_a_name_without_letters_becomes_a_hash(source: str, style: NameStyle) -> None:
    table = sanitize(source, kind="table", style=style)
    assert table.startswith("t_")
    assert len(table) == 10
    assert sanitize(source, kind="table", style=style, upper=True) == table.upper()
    assert sanitize(source, kind="column", style=style) == f"c_{table[2:]}"


def test_different_names_without_letters_get_different_hashes() -> None:
    assert sanitize("$$$", kind="table") != sanitize("$$", kind="table")


def test_the_style_off_keeps_names() -> None:
    assert sanitize("Table$namE_05_", kind="table", style=NameStyle.OFF) == "Table$namE_05_"


@pytest.mark.parametrize("source", ["_ps_id", "$ps_id", "_PS_ID"])
@pytest.mark.parametrize("kind", ["table", "column"])
def test_our_own_prefix_is_never_taken_by_a_source_name(source: str, kind: NameKind) -> None:
    assert sanitize(source, kind=kind) == "src__ps_id"


def test_names_off_style_keep_out_of_our_prefix_too() -> None:
    assert sanitize("_ps_id", kind="column", style=NameStyle.OFF) == "src__ps_id"


def test_later_names_with_the_same_form_are_numbered_in_order_of_appearance() -> None:
    scope = NameScope()
    originals = ["createdBy", "created by", "created_by", "createdby", "created.by"]
    assert [scope.name_for(name, 63) for name in originals] == [
        "createdby",
        "created_by",
        "created_by_2",
        "createdby_2",
        "created_by_3",
    ]


def test_a_name_is_given_once_and_kept() -> None:
    scope = NameScope({"a.b": "a_b"})
    assert scope.name_for("a b", 63) == "a_b_2"
    assert scope.name_for("a.b", 63) == "a_b"
    assert scope.name_for("a b", 63) == "a_b_2"
    assert scope.pairs == {"a.b": "a_b", "a b": "a_b_2"}


def test_a_stored_name_is_used_even_where_rules_would_give_another() -> None:
    assert NameScope({"Total": "my_total"}).name_for("Total", 63) == "my_total"


def test_the_prefix_stands_before_the_name_and_counts_for_the_limit() -> None:
    scope = NameScope(kind="table")
    assert scope.name_for("orders", 63, prefix="pp_1") == "pp_1_orders"
    assert scope.name_for("order items", 14, prefix="pp_1") == "p_1_o_items"


def test_upper_case_destinations_get_upper_case_throughout() -> None:
    scope = NameScope(kind="table", upper=True)
    assert scope.name_for("orders", 255, prefix="pp_1") == "PP_1_ORDERS"
    assert scope.name_for("x" * 300, 255) == "X" * 255


def test_long_names_with_the_same_clean_form_stay_apart() -> None:
    scope = NameScope()
    originals = ["x" * 40 + sign for sign in ("", "$", " ", ".", "-")]
    names = [scope.name_for(name, 20) for name in originals]
    assert len(set(names)) == len(originals)
    assert all(len(name) <= 20 for name in names)


def test_a_number_does_not_push_a_name_over_the_limit() -> None:
    scope = NameScope()
    names = [scope.name_for(name, 12) for name in ("abcdefghijkl", "ABCDEFGHIJKL", "abcDEFghijkl")]
    assert names[0] == "abcdefghijkl"
    assert len({*names}) == 3
    assert all(len(name) <= 12 for name in names)


def test_limits_can_count_bytes() -> None:
    scope = NameScope(style=NameStyle.OFF)
    assert len(scope.name_for("é" * 40, 63, Measure.BYTES).encode()) <= 63


@pytest.mark.parametrize("prefix", ["", "a" * 33, "a-b", "a b", "é"])
def test_unusable_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(ConfigError):
        check_prefix(prefix)


def test_a_leading_underscore_is_refused_where_the_destination_has_no_such_names() -> None:
    assert check_prefix("_x") == "_x"
    with pytest.raises(ConfigError):
        check_prefix("_x", leading_underscore=False)


def test_a_name_that_the_destination_keeps_gets_a_number() -> None:
    scope = NameScope(reserved={"xmin"})
    assert [scope.name_for(name, 63) for name in ("Xmin", "xmax")] == ["xmin_2", "xmax"]
