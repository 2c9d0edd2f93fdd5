"""Sizes of blocks and statements of a read."""

from __future__ import annotations

import pytest

from penstock.sdk.sql.reading import Blocks
from penstock.sdk.sql.reading.blocks import CAREFUL, USUAL, Growth

MOST = 4 << 20
ROW_BYTES = 100


def handed_over(blocks: Blocks, rows: int) -> list[int]:
    """Rows of each block until so many were handed over."""
    sizes: list[int] = []
    while sum(sizes) < rows:
        sizes.append(max(blocks.next_bytes() // ROW_BYTES, 1))
        blocks.took(sizes[-1], sizes[-1] * ROW_BYTES)
    return sizes


@pytest.mark.parametrize("growth", [USUAL, CAREFUL])
@pytest.mark.parametrize("under_way", [1, 6])
def test_what_is_under_way_is_a_share_of_what_was_read(growth: Growth, under_way: int) -> None:
    blocks = Blocks(MOST, growth)
    blocks.under_way = under_way
    read = 0
    for rows in handed_over(blocks, 5_000_000):
        most = max(growth.least_rows * under_way, growth.share * read)
        assert read == 0 or rows * under_way <= most
        read += rows


@pytest.mark.parametrize(("growth", "most"), [(USUAL, 120), (CAREFUL, 800)])
def test_a_long_read_has_few_more_blocks_than_it_must(growth: Growth, most: int) -> None:
    blocks = Blocks(MOST, growth)
    blocks.under_way = 4
    sizes = handed_over(blocks, 3_000_000)
    assert len(sizes) < most
    assert sizes[1:] == sorted(sizes[1:])


def test_without_growth_blocks_are_of_the_largest_size() -> None:
    assert Blocks(MOST).next_bytes() == MOST
    assert Blocks(MOST).next_page(1_000_000) == 1_000_000


def test_statements_are_small_while_blocks_are() -> None:
    blocks = Blocks(MOST, CAREFUL)
    assert blocks.next_page(1_000_000) == CAREFUL.least_rows
    assert blocks.next_page(100) == 100
    blocks.took(1_000_000, 1_000_000 * ROW_BYTES)
    assert blocks.next_page(1_000_000) == 25_000
    blocks.took(9_000_000, 9_000_000 * ROW_BYTES)
    assert blocks.next_page(1_000_000) == 1_000_000


def test_wide_rows_do_not_pass_the_largest_block() -> None:
    blocks = Blocks(MOST, USUAL)
    blocks.took(10, 10 << 20)
    assert blocks.next_bytes() == MOST
