"""The load mode in which a full reload began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("generation", sa.Column("mode", sa.Text(), nullable=True))
