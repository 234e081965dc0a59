"""The store's tables. Changes need a migration in `reconciler.store.migrations`; a test compares the two.

Instants are text in UTC with microseconds, so that they sort as they should in every database. A cell is written
`account/region`. JSON is kept where a value is only ever read whole.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

SCHEMA_VERSION = "0004"
"""The newest migration; revisions are numbered so that an older store is told from a newer one."""


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as `2026-03-01T12:00:00.000000Z`."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

cells = Table(
    "cells",
    metadata,
    Column("cell", String(64), primary_key=True),
    Column("account", String(32), nullable=False),
    Column("region", String(32), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("passes", Integer, nullable=False),
    Column("cold_since", Instant),
    Column("cold_observations", Integer, nullable=False),
    Column("cold_released", Boolean, nullable=False),
    # The first pass on record; NULL until there is one.
    Column("recorded_since", Instant),
)


def _cell() -> Column[str]:
    return Column("cell", String(64), ForeignKey("cells.cell"), nullable=False)


intents = Table(
    "intents",
    metadata,
    Column("operation_id", String(64), primary_key=True),
    _cell(),
    Column("family", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fleet", String(128)),
    Column("ordinal", Integer),
    Column("incarnation", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    # Set while an exclusive intent is open: the database itself refuses a second one on the slot.
    Column("busy", String(192)),
    Column("resource_id", String(64)),
    Column("error_code", String(128)),
    Column("error_message", Text),
    Column("begun_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("retry_at", Instant),
    Column("first_missed_at", Instant),
    # Handlers of `on.after` have not all run yet.
    Column("after_owed", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("action", Text, nullable=False),
    UniqueConstraint("cell", "busy", name="one_exclusive_intent_a_slot"),
    Index("intents_by_state", "cell", "state"),
    Index("intents_by_update", "cell", "updated_at"),
    Index("intents_by_family", "cell", "family", "attempt"),
    Index("intents_by_slot", "cell", "fleet", "ordinal", "begun_at"),
)

intent_events = Table(
    "intent_events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _cell(),
    Column("operation_id", String(64), ForeignKey("intents.operation_id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("event", String(16), nullable=False),
    Column("resource_id", String(64)),
    Column("error_code", String(128)),
    Column("message", Text),
    Column("epoch", Integer, nullable=False),
    Index("events_by_operation", "operation_id"),
    Index("events_by_instant", "cell", "at"),
)

known_resources = Table(
    "known_resources",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("fleet", String(128)),
    Column("ordinal", Integer),
    Column("claim", String(64)),
    Column("incarnation", Integer, nullable=False),
    Column("zone", String(32), nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("absent_since", Instant),
    Column("absent_checks", Integer, nullable=False),
)

health = Table(
    "health",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("instance_id", String(64), primary_key=True),
    Column("remembered", Text, nullable=False),
)

volumes = Table(
    "volumes",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("volume_id", String(64), primary_key=True),
    Column("remembered", Text, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("id", String(192), primary_key=True),
    Column("gate", String(32), nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("granted_by", Text, nullable=False),
    # The loss in seconds that a person took; NULL where none was shown.
    Column("max_loss_s", Float),
    Column("empty", Boolean, nullable=False, server_default=false()),
)

pauses = Table(
    "pauses",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("scope", String(192), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("paused_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("paused_by", Text, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _cell(),
    Column("fleet", String(128), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("instance_id", String(64)),
    Column("snapshot_id", String(64)),
    Column("max_loss_s", Float),
    # Withdrawn, or another of its kind took its place. The row stays: it is the record of who wanted what and why.
    Column("ended_at", Instant),
    Index("orders_by_expiry", "cell", "expires_at"),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _cell(),
    Column("reason", Text, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("given_by", Text, nullable=False),
    # Taken back. The row stays: it is the record of who lifted the brakes and why.
    Column("ended_at", Instant),
    Index("overrides_by_expiry", "cell", "expires_at"),
)

conditions = Table(
    "conditions",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    # As `health.conditions.Scope` is written, e.g. `zone use1-az1`.
    Column("scope", String(192), primary_key=True),
    Column("remembered", Text, nullable=False),
)

reads = Table(
    "reads",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("zone", String(32), primary_key=True),
    Column("remembered", Text, nullable=False),
)

capacity = Table(
    "capacity",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("zone", String(32), primary_key=True),
    Column("type", String(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)

held_since = Table(
    "held_since",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("gate", String(256), primary_key=True),
    Column("since", Instant, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
    Column("holder", Text),
    Column("epoch", Integer, nullable=False),
    # Seconds since 1970 by the database's clock, which is the only one that leases are compared by.
    Column("since_s", Float, nullable=False),
    Column("expires_at_s", Float, nullable=False),
)

passes = Table(
    "passes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _cell(),
    Column("as_of", Instant, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("counts", Text, nullable=False),
    Column("refused", Text),
    Index("passes_by_instant", "cell", "as_of"),
)
