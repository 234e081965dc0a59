"""What people order by hand for a slot, and the loss that an approval was given for."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    String,
    Text,
    false,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = String(27)


def upgrade() -> None:
    op.add_column("approvals", Column("max_loss_s", Float))
    op.add_column("approvals", Column("empty", Boolean, nullable=False, server_default=false()))
    op.create_table(
        "orders",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("cell", String(64), ForeignKey("cells.cell"), nullable=False),
        Column("fleet", String(128), nullable=False),
        Column("ordinal", Integer, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("incarnation", Integer, nullable=False),
        Column("reason", Text, nullable=False),
        Column("given_at", INSTANT, nullable=False),
        Column("expires_at", INSTANT, nullable=False),
        Column("given_by", Text, nullable=False),
        Column("instance_id", String(64)),
        Column("snapshot_id", String(64)),
        Column("max_loss_s", Float),
        Column("ended_at", INSTANT),
    )
    op.create_index("orders_by_expiry", "orders", ["cell", "expires_at"])
