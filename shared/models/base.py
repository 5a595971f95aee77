"""What every table shares: the naming convention (so that a migration can name a constraint) and common columns."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, DateTime, Identity, LargeBinary, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables. Each but `journal`, `processes` and `workspaces` itself bears `workspace_id` first in its keys."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map = {str: Text, int: BigInteger, datetime: DateTime(timezone=True)}  # noqa: RUF012


Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
WorkspaceKey = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=False)]
# What `shared/vault.py` encrypted. A rotation of the keys finds its columns by this mark.
Ciphertext = Annotated[bytes, mapped_column(LargeBinary, info={"encrypted": True})]
Now = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
# When the row is written: what happens to a lead is in order of time, since it is locked by then.
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())]
