"""A later version, as the next release might bring: changes a table that others point to."""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0004"


def upgrade() -> None:
    op.create_table("label", sa.Column("name", sa.Text(), nullable=False))
    with op.batch_alter_table("pipeline") as table:
        table.add_column(sa.Column("team", sa.Text(), nullable=False, server_default="none"))
        table.drop_constraint("uq_pipeline_name", type_="unique")
        table.create_unique_constraint("uq_pipeline_name_team", ["name", "team"])
    if os.environ.get("MIGRATION_MUST_FAIL"):
        op.execute("insert into nowhere values (1)")
