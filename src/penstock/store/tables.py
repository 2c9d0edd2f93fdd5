"""The tables of the catalog, as the newest migration leaves them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa

from penstock.core.books import Books

# Every constraint has a name, since SQLite's migrations can only drop what has one.
NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
VERSION_TABLE: Final = "penstock_version"
VERSION: Final = "0004"
"""The migration that leads to these tables."""
COUNTS: Final = tuple(item.name for item in fields(Books))

metadata = sa.MetaData(naming_convention=NAMING)
_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_Json = sa.JSON(none_as_null=True)


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **{"nullable": False, **more})


def _number(name: str, **more: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **{"nullable": False, **more})


def _pipeline(**more: Any) -> sa.Column[int]:
    key = sa.ForeignKey("pipeline.id", ondelete="CASCADE")
    return sa.Column("pipeline_id", sa.BigInteger, key, **{"nullable": False, **more})


pipeline = sa.Table(
    "pipeline",
    metadata,
    sa.Column("id", _Serial, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    _text("source_type"),
    _text("destination_type"),
    _number("created_at"),
    _number("ingested_floor"),
    _number("fence"),
    sa.UniqueConstraint("name"),
    sqlite_autoincrement=True,  # the number of a deleted pipeline is never given again
)

# Ordered by `number`: ids and instants come from a clock that may be set back.
job = sa.Table(
    "job",
    metadata,
    sa.Column("number", _Serial, primary_key=True),
    _text("id"),
    _pipeline(),
    _text("job_type"),
    _text("data_kind"),
    _text("status"),
    _number("fence"),
    _number("started_at"),
    _number("ended_at", nullable=True),
    sa.Column("seconds", sa.Double),
    sa.Column("totals", _Json),
    sa.Column("source", _Json),
    sa.Column("error", _Json),
    sa.Column("warnings", _Json),
    sa.Column("cancel_wanted", sa.Boolean, nullable=False),
    _number("pid"),
    _text("host"),
    sa.UniqueConstraint("id"),
    sa.Index(None, "pipeline_id", "number"),
    sa.Index(None, "pipeline_id", "status"),
    sqlite_autoincrement=True,
)

job_object = sa.Table(
    "job_object",
    metadata,
    sa.Column("job_id", sa.Text, sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    _text("object"),
    _text("event_type"),
    _text("table_name"),
    _text("mode"),
    _text("status"),
    _text("ingest_stage"),
    _text("load_stage"),
    sa.Column("checkpoint", _Json),
    sa.Column("error", _Json),
    sa.Column("seconds", sa.Double),
    _number("started_at", nullable=True),
    _number("ended_at", nullable=True),
    *(_number(name) for name in COUNTS),
    sa.PrimaryKeyConstraint("job_id", "object", "event_type"),
)

split_position = sa.Table(
    "split_position",
    metadata,
    _pipeline(),
    _text("split"),
    _text("checkpoint", nullable=True),
    _number("generation"),
    _number("package_no"),
    sa.Column("pass_info", _Json),
    _number("updated_at"),
    sa.PrimaryKeyConstraint("pipeline_id", "split"),
)

generation = sa.Table(
    "generation",
    metadata,
    _pipeline(),
    _text("object"),
    _number("current"),
    _number("building", nullable=True),
    _text("mode", nullable=True),
    sa.PrimaryKeyConstraint("pipeline_id", "object"),
)

package = sa.Table(
    "package",
    metadata,
    _text("id"),
    _pipeline(),
    _text("split"),
    _number("package_no"),
    _text("job_id"),
    _number("committed_at"),
    sa.PrimaryKeyConstraint("id"),
    sa.Index(None, "pipeline_id", "split", "package_no"),
    sa.Index(None, "committed_at"),
)

receipt = sa.Table(
    "receipt",
    metadata,
    _text("load_id"),
    sa.Column(
        "package_id", sa.Text, sa.ForeignKey("package.id", ondelete="CASCADE"), nullable=False
    ),
    _text("table_name"),
    _number("inserted"),
    _number("updated"),
    _number("deleted"),
    _number("unchanged"),
    _number("flagged"),
    _number("held"),
    sa.Column("replayed", sa.Boolean, nullable=False),
    sa.PrimaryKeyConstraint("load_id"),
    sa.Index(None, "package_id"),
)

mapping = sa.Table(
    "mapping",
    metadata,
    _pipeline(),
    _text("event_type"),
    _number("version"),
    _text("status"),
    sa.Column("body", _Json, nullable=False),
    _number("updated_at"),
    sa.PrimaryKeyConstraint("pipeline_id", "event_type"),
)

chosen_name = sa.Table(
    "chosen_name",
    metadata,
    _text("destination"),
    _text("scope"),
    _text("original"),
    _text("chosen"),
    sa.PrimaryKeyConstraint("destination", "scope", "original"),
    sa.UniqueConstraint("destination", "scope", "chosen"),
)

object_state = sa.Table(
    "object_state",
    metadata,
    _pipeline(),
    _text("object"),
    _text("status"),
    _text("note"),
    _number("complete_pass_at", nullable=True),
    _number("estimated_rows", nullable=True),
    _number("updated_at"),
    sa.PrimaryKeyConstraint("pipeline_id", "object"),
)

failed_event = sa.Table(
    "failed_event",
    metadata,
    sa.Column("id", _Serial, primary_key=True),
    _pipeline(),
    _text("job_id"),
    _text("load_id"),
    _number("n"),
    _text("object"),
    _text("event_type"),
    _text("stage"),
    _text("code"),
    _text("reason"),
    _text("key", nullable=True),
    _number("ingested_at"),
    _number("seq"),
    _text("file"),
    _number("file_row"),
    _text("state"),
    _number("attempt"),
    _number("created_at"),
    sa.Index(None, "pipeline_id", "state", "event_type", "code"),
    sa.Index(None, "pipeline_id", "file"),
    sa.Index(None, "created_at"),
    sqlite_autoincrement=True,
)

# What a transformation makes of the events of an object.
made_event_type = sa.Table(
    "made_event_type",
    metadata,
    _pipeline(),
    _text("object"),
    _text("event_type"),
    sa.Column("key_kept", sa.Boolean, nullable=False),
    sa.PrimaryKeyConstraint("pipeline_id", "object", "event_type"),
)

transformation_version = sa.Table(
    "transformation_version",
    metadata,
    _pipeline(),
    _number("version"),
    _text("method"),
    _text("body"),
    _text("status"),
    _text("created_by"),
    _number("created_at"),
    _number("deployed_at", nullable=True),
    _text("comment"),
    sa.PrimaryKeyConstraint("pipeline_id", "version"),
)

# Outlives its pipeline, hence the name and no foreign key.
activity = sa.Table(
    "activity",
    metadata,
    sa.Column("id", _Serial, primary_key=True),
    _number("at"),
    _text("severity"),
    _text("pipeline", nullable=True),
    _text("actor"),
    _text("action"),
    _text("summary"),
    sa.Column("details", _Json),
    sa.Index(None, "pipeline", "id"),
    sa.Index(None, "at"),
    sqlite_autoincrement=True,
)

# One row for each purpose: values are sealed by its key, which the master key wraps.
data_key = sa.Table(
    "data_key",
    metadata,
    _text("purpose"),
    _text("id"),
    _text("master_id"),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    _number("created_at"),
    sa.PrimaryKeyConstraint("purpose"),
)

secret = sa.Table(
    "secret",
    metadata,
    _text("name"),
    _text("key_id"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    _number("created_at"),
    _number("updated_at"),
    sa.PrimaryKeyConstraint("name"),
)
