"""What judging remembers of volumes that are not, or were not always, well."""

from alembic import op
from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint, String, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "volumes",
        Column("cell", String(64), ForeignKey("cells.cell"), nullable=False),
        Column("volume_id", String(64), nullable=False),
        Column("remembered", Text, nullable=False),
        PrimaryKeyConstraint("cell", "volume_id"),
    )
