"""The first catalog."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _pipeline()
    _job()
    _job_object()
    _split_position()
    _generation()
    _package()
    _receipt()
    _mapping()
    _chosen_name()
    _object_state()
    _failed_event()
    _activity()


def _pipeline() -> None:
    op.create_table(
        "pipeline",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("destination_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ingested_floor", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pipeline"),
        sa.UniqueConstraint("name", name="uq_pipeline_name"),
        sqlite_autoincrement=True,
    )


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("data_kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("seconds", sa.Double()),
        sa.Column("totals", sa.JSON()),
        sa.Column("source", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("warnings", sa.JSON()),
        sa.Column("cancel_wanted", sa.Boolean(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name="fk_job_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_job"),
        sa.UniqueConstraint("id", name="uq_job_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_pipeline_id_number", "job", ["pipeline_id", "number"])
    op.create_index("ix_job_pipeline_id_status", "job", ["pipeline_id", "status"])


def _job_object() -> None:
    op.create_table(
        "job_object",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ingest_stage", sa.Text(), nullable=False),
        sa.Column("load_stage", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("seconds", sa.Double()),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("filtered", sa.BigInteger(), nullable=False),
        sa.Column("collapsed", sa.BigInteger(), nullable=False),
        sa.Column("oversize", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("loaded", sa.BigInteger(), nullable=False),
        sa.Column("inserted", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("flagged", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name="fk_job_object_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "object", "event_type", name="pk_job_object"),
    )


def _split_position() -> None:
    op.create_table(
        "split_position",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("package_no", sa.BigInteger(), nullable=False),
        sa.Column("pass_info", sa.JSON()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipeline.id"],
            name="fk_split_position_pipeline_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "split", name="pk_split_position"),
    )


def _generation() -> None:
    op.create_table(
        "generation",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("current", sa.BigInteger(), nullable=False),
        sa.Column("building", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name="fk_generation_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "object", name="pk_generation"),
    )


def _package() -> None:
    op.create_table(
        "package",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("package_no", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name="fk_package_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_package"),
    )
    op.create_index("ix_package_committed_at", "package", ["committed_at"])
    op.create_index(
        "ix_package_pipeline_id_split_package_no", "package", ["pipeline_id", "split", "package_no"]
    )


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("load_id", sa.Text(), nullable=False),
        sa.Column("package_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("inserted", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("flagged", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["package.id"], name="fk_receipt_package_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("load_id", name="pk_receipt"),
    )
    op.create_index("ix_receipt_package_id", "receipt", ["package_id"])


def _mapping() -> None:
    op.create_table(
        "mapping",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name="fk_mapping_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "event_type", name="pk_mapping"),
    )


def _chosen_name() -> None:
    op.create_table(
        "chosen_name",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "scope", "original", name="pk_chosen_name"),
        sa.UniqueConstraint(
            "destination", "scope", "chosen", name="uq_chosen_name_destination_scope_chosen"
        ),
    )


def _object_state() -> None:
    op.create_table(
        "object_state",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("complete_pass_at", sa.BigInteger()),
        sa.Column("estimated_rows", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name="fk_object_state_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "object", name="pk_object_state"),
    )


def _failed_event() -> None:
    op.create_table(
        "failed_event",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("load_id", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("ingested_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("file_row", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name="fk_failed_event_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_failed_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_failed_event_created_at", "failed_event", ["created_at"])
    op.create_index("ix_failed_event_pipeline_id_file", "failed_event", ["pipeline_id", "file"])
    op.create_index(
        "ix_failed_event_pipeline_id_state_event_type_code",
        "failed_event",
        ["pipeline_id", "state", "event_type", "code"],
    )


def _activity() -> None:
    op.create_table(
        "activity",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_activity"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_activity_at", "activity", ["at"])
    op.create_index("ix_activity_pipeline_id", "activity", ["pipeline", "id"])
