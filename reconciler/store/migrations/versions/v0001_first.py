"""The first schema: cells, journal, memory, words of people, leases, passes."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = String(27)


def upgrade() -> None:
    op.create_table(
        "cells",
        Column("cell", String(64), primary_key=True),
        Column("account", String(32), nullable=False),
        Column("region", String(32), nullable=False),
        Column("endpoint", Text, nullable=False),
        Column("passes", Integer, nullable=False),
        Column("cold_since", INSTANT),
        Column("cold_observations", Integer, nullable=False),
        Column("cold_released", Boolean, nullable=False),
    )
    _create_journal()
    _create_memory()
    _create_words()
    op.create_table(
        "leases",
        _cell(),
        Column("holder", Text),
        Column("epoch", Integer, nullable=False),
        Column("since_s", Float, nullable=False),
        Column("expires_at_s", Float, nullable=False),
        PrimaryKeyConstraint("cell"),
    )
    op.create_table(
        "passes",
        Column("id", Integer, primary_key=True, autoincrement=True),
        _cell(),
        Column("as_of", INSTANT, nullable=False),
        Column("complete", Boolean, nullable=False),
        Column("counts", Text, nullable=False),
        Column("refused", Text),
    )
    op.create_index("passes_by_instant", "passes", ["cell", "as_of"])


def _cell() -> Column[str]:
    return Column("cell", String(64), ForeignKey("cells.cell"), nullable=False)


def _create_journal() -> None:
    op.create_table(
        "intents",
        Column("operation_id", String(64), primary_key=True),
        _cell(),
        Column("family", Text, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("fleet", String(128)),
        Column("ordinal", Integer),
        Column("incarnation", Integer, nullable=False),
        Column("kind", String(32), nullable=False),
        Column("state", String(16), nullable=False),
        Column("busy", String(192)),
        Column("resource_id", String(64)),
        Column("error_code", String(128)),
        Column("error_message", Text),
        Column("begun_at", INSTANT, nullable=False),
        Column("updated_at", INSTANT, nullable=False),
        Column("retry_at", INSTANT),
        Column("first_missed_at", INSTANT),
        Column("after_owed", Boolean, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("action", Text, nullable=False),
        UniqueConstraint("cell", "busy", name="one_exclusive_intent_a_slot"),
    )
    op.create_index("intents_by_state", "intents", ["cell", "state"])
    op.create_index("intents_by_update", "intents", ["cell", "updated_at"])
    op.create_index("intents_by_family", "intents", ["cell", "family", "attempt"])
    op.create_index("intents_by_slot", "intents", ["cell", "fleet", "ordinal", "begun_at"])
    op.create_table(
        "intent_events",
        Column("id", Integer, primary_key=True, autoincrement=True),
        _cell(),
        Column("operation_id", String(64), ForeignKey("intents.operation_id"), nullable=False),
        Column("at", INSTANT, nullable=False),
        Column("event", String(16), nullable=False),
        Column("resource_id", String(64)),
        Column("error_code", String(128)),
        Column("message", Text),
        Column("epoch", Integer, nullable=False),
    )
    op.create_index("events_by_operation", "intent_events", ["operation_id"])
    op.create_index("events_by_instant", "intent_events", ["cell", "at"])


def _create_memory() -> None:
    op.create_table(
        "known_resources",
        _cell(),
        Column("id", String(64), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("fleet", String(128)),
        Column("ordinal", Integer),
        Column("claim", String(64)),
        Column("incarnation", Integer, nullable=False),
        Column("zone", String(32), nullable=False),
        Column("last_seen_at", INSTANT, nullable=False),
        Column("ended", Boolean, nullable=False),
        Column("absent_since", INSTANT),
        Column("absent_checks", Integer, nullable=False),
        PrimaryKeyConstraint("cell", "id"),
    )
    op.create_table(
        "health",
        _cell(),
        Column("instance_id", String(64), nullable=False),
        Column("remembered", Text, nullable=False),
        PrimaryKeyConstraint("cell", "instance_id"),
    )
    op.create_table(
        "capacity",
        _cell(),
        Column("zone", String(32), nullable=False),
        Column("type", String(32), nullable=False),
        Column("failures", Integer, nullable=False),
        Column("last_failed_at", INSTANT, nullable=False),
        Column("until", INSTANT, nullable=False),
        PrimaryKeyConstraint("cell", "zone", "type"),
    )
    op.create_table(
        "held_since",
        _cell(),
        Column("gate", String(256), nullable=False),
        Column("since", INSTANT, nullable=False),
        PrimaryKeyConstraint("cell", "gate"),
    )


def _create_words() -> None:
    op.create_table(
        "approvals",
        _cell(),
        Column("id", String(192), nullable=False),
        Column("gate", String(32), nullable=False),
        Column("granted_at", INSTANT, nullable=False),
        Column("expires_at", INSTANT, nullable=False),
        Column("granted_by", Text, nullable=False),
        PrimaryKeyConstraint("cell", "id"),
    )
    op.create_table(
        "pauses",
        _cell(),
        Column("scope", String(192), nullable=False),
        Column("reason", Text, nullable=False),
        Column("paused_at", INSTANT, nullable=False),
        Column("expires_at", INSTANT, nullable=False),
        Column("paused_by", Text, nullable=False),
        PrimaryKeyConstraint("cell", "scope"),
    )
