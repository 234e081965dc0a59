"""How places are, which zones can't be read, words that lift the brakes, and since when there is a record."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, String, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = String(27)


def upgrade() -> None:
    op.create_table(
        "conditions",
        Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
        Column("scope", String(192), primary_key=True),
        Column("remembered", Text, nullable=False),
    )
    op.create_table(
        "reads",
        Column("cell", String(64), ForeignKey("cells.cell"), primary_key=True),
        Column("zone", String(32), primary_key=True),
        Column("remembered", Text, nullable=False),
    )
    op.create_table(
        "overrides",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("cell", String(64), ForeignKey("cells.cell"), nullable=False),
        Column("reason", Text, nullable=False),
        Column("given_at", INSTANT, nullable=False),
        Column("expires_at", INSTANT, nullable=False),
        Column("given_by", Text, nullable=False),
        Column("ended_at", INSTANT),
    )
    op.create_index("overrides_by_expiry", "overrides", ["cell", "expires_at"])
    op.add_column("cells", Column("recorded_since", INSTANT))
    op.execute(
        "UPDATE cells SET recorded_since ="
        " (SELECT MIN(passes.as_of) FROM passes WHERE passes.cell = cells.cell)"
    )
