"""Versions of transformations, and the event types that they make."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "made_event_type",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("key_kept", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"],
            name="fk_made_event_type_pipeline_id", ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "object", "event_type", name="pk_made_event_type"),
    )  # fmt: skip
    op.create_table(
        "transformation_version",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deployed_at", sa.BigInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"],
            name="fk_transformation_version_pipeline_id", ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "version", name="pk_transformation_version"),
    )  # fmt: skip
