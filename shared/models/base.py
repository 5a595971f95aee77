"""The base of all tables: common column types, and a naming convention so that migrations can name constraints."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, DateTime, Identity, LargeBinary, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base class. All keys but those of alarms, journal, processes and workspaces start with `workspace_id`."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {str: Text, int: BigInteger, datetime: DateTime(timezone=True)}  # noqa: RUF012


RowId = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
WorkspaceKey = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=False)]
# Encrypted by `shared/platform/crypto/encryption.py`. A rotation of the keys finds the columns by this mark.
EncryptedBytes = Annotated[bytes, mapped_column(LargeBinary, info={"encrypted": True})]
TransactionTime = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
# The time of the write, not of the transaction's start: entries of a lead are in order, since it is locked by then.
ClockTime = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())]
