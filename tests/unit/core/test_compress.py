"""Names over a destination's limit."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.compress import Measure, compress, size
from penstock.core.errors import ConfigError

PHONE = "organization_vertical_geography_zone_country_department_contact_home_phone"
SHORT_PHONE = "o_vertical_geography_zone_country_department_contact_home_phone"


@pytest.mark.parametrize(
    ("name", "limit", "short"),
    [
        pytest.param(
            "this_table_name_is_too_long_andTheLastWordIsLongerThanTheLimitByItself",
            40,
            "dTheLastWordIsLongerThanTheLimitByItself",
            id="a last word over the limit keeps its last characters",
        ),
        pytest.param(PHONE, 63, SHORT_PHONE, id="one word abbreviated"),
        pytest.param(
            "organization_vertical_geography_zone_country_department_contact_home_address",
            63,
            "o_v_geography_zone_country_department_contact_home_address",
            id="two words abbreviated",
        ),
        pytest.param(
            "customer_lifetime_value_prediction_model_output_score_percentile",
            40,
            "c_l_v_p_model_output_score_percentile",
            id="four words abbreviated",
        ),
        pytest.param("abcdefghijklmnop", 10, "ghijklmnop", id="one word without separators"),
        pytest.param("a_b_c_d_e_f_elephants", 12, "f_elephants", id="words dropped"),
        pytest.param("name", 63, "name", id="a short name stays"),
    ],
)
def test_compress(name: str, limit: int, short: str) -> None:
    assert compress(name, limit) == short


def test_a_taken_form_costs_one_more_word() -> None:
    short = compress(PHONE, 63, taken={SHORT_PHONE}.__contains__)
    assert short == "o_v_geography_zone_country_department_contact_home_phone"


def test_a_hash_is_the_last_resort_and_begins_with_a_letter() -> None:
    names = ["abcdefghijklmnop" + "x" * count for count in range(20)]
    forms = [compress(name, 12, taken=lambda form: "_" not in form) for name in names]
    assert all(re.fullmatch(r"[a-h][0-9a-f]{7}_...", form) for form in forms)
    assert len({*forms}) == len(names)


def test_characters_are_never_cut_in_bytes() -> None:
    assert compress("é" * 30, 21, measure=Measure.BYTES) == "é" * 10


def test_an_absurd_limit_is_refused() -> None:
    with pytest.raises(ConfigError):
        compress("a" * 20, 9)


names = st.text(alphabet="ab_é", min_size=1, max_size=120)


@given(names=st.lists(names, unique=True, max_size=12), limit=st.integers(10, 40))
def test_forms_fit_and_differ(names: list[str], limit: int) -> None:
    for measure in Measure:
        taken = {name for name in names if size(name, measure) <= limit}
        for name in names:
            if name in taken:
                continue
            short = compress(name, limit, measure=measure, taken=taken.__contains__)
            assert 0 < size(short, measure) <= limit
            assert short not in taken
            taken.add(short)
