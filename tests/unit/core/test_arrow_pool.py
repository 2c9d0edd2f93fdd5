"""Which allocator Arrow's memory is taken from."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pyarrow as pa
import pytest

from penstock.core import heap


@pytest.fixture
def pool() -> Iterator[None]:
    before = pa.default_memory_pool()
    yield
    pa.set_memory_pool(before)


def test_the_program_names_an_allocator_that_arrow_has() -> None:
    assert heap.arrow_pool() in pa.supported_memory_backends()


def test_without_glibc_it_is_malloc(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_name: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", unknown)
    assert heap.arrow_pool() == "system"


@pytest.mark.usefixtures("pool")
@pytest.mark.skipif("jemalloc" not in pa.supported_memory_backends(), reason="Arrow has none")
def test_small_batches_go_back_to_malloc() -> None:
    pa.set_memory_pool(pa.jemalloc_memory_pool())
    heap.small_pieces()
    assert pa.default_memory_pool().backend_name == "system"


@pytest.mark.usefixtures("pool")
@pytest.mark.skipif("mimalloc" not in pa.supported_memory_backends(), reason="Arrow has none")
def test_another_choice_of_the_user_stays() -> None:
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    heap.small_pieces()
    assert pa.default_memory_pool().backend_name == "mimalloc"
