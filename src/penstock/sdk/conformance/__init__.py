"""Suites that hold connectors to their contract; for tests only, since they need pytest."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"penstock.sdk.conformance.{name}"
        for name in (
            "kit",
            "merging",
            "deletes",
            "versions",
            "switching",
            "columns",
            "shapes",
            "delivery",
            "generations",
        )
    )
)
