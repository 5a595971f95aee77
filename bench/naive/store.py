"""The table of the ordinary stack, and the work of its worker for one lead."""

import functools
import os
from typing import Any

from sqlalchemy import BigInteger, DateTime, Engine, Text, create_engine, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

FILLED_WHEN_EMPTY = ("first_name", "last_name", "email", "phone", "company", "source")


class NaiveBase(DeclarativeBase):
    pass


class NaiveLead(NaiveBase):
    __tablename__ = "leads"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    email: Mapped[str] = mapped_column(Text, index=True)
    phone: Mapped[str | None] = mapped_column(Text, index=True)
    first_name: Mapped[str | None] = mapped_column(Text)
    last_name: Mapped[str | None] = mapped_column(Text)
    company: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(JSONB)
    custom_fields: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Any] = mapped_column(DateTime(timezone=True), server_default=func.now())


@functools.cache
def get_engine() -> Engine:
    """Return the pool of this worker process, made at its first task: a connection must not cross a fork."""
    return create_engine(os.environ["NAIVE_DATABASE_URL"])


def create_table(database_url: str) -> None:
    NaiveBase.metadata.create_all(create_engine(database_url))


def store_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """Create the lead, or merge it into the lead with the same email or phone, in one transaction."""
    same_person = NaiveLead.email == payload["email"]
    if payload["phone"]:
        same_person = or_(same_person, NaiveLead.phone == payload["phone"])
    with Session(get_engine()) as session, session.begin():
        lead = session.scalars(select(NaiveLead).where(same_person).order_by(NaiveLead.id).limit(1)).first()
        is_duplicate = lead is not None
        if lead is None:
            lead = NaiveLead(**payload)
            session.add(lead)
        else:
            merge_payload(lead, payload)
        session.flush()
        return {"status": "created", "lead_id": lead.id, "is_duplicate": is_duplicate}


def merge_payload(lead: NaiveLead, payload: dict[str, Any]) -> None:
    for field in FILLED_WHEN_EMPTY:
        if getattr(lead, field) is None:
            setattr(lead, field, payload[field])
    lead.tags = sorted({*lead.tags, *payload["tags"]})
    lead.custom_fields = {**payload["custom_fields"], **lead.custom_fields}
    lead.notes = "\n".join(filter(None, (lead.notes, payload["notes"])))
