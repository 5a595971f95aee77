"""The HTTP side of the ordinary stack. Its handlers are plain functions, so FastAPI runs them on its thread pool."""

from typing import Annotated, Any

import phonenumbers
from fastapi import FastAPI, Header, Response
from pydantic import AfterValidator, BaseModel, EmailStr, Field

from bench.naive.tasks import store_lead, store_lead_for_verdict

VERDICT_TIMEOUT_SECONDS = 10


def lowercase_email(email: str) -> str:
    return email.lower()


def normalise_phone(phone: str) -> str:
    """Return the number in E.164. ValueError, which FastAPI answers with 422, for an invalid number."""
    try:
        number = phonenumbers.parse(phone, "US")
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a phone number") from error
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class NaiveLeadFields(BaseModel):
    email: Annotated[EmailStr, AfterValidator(lowercase_email)]
    phone: Annotated[str, AfterValidator(normalise_phone)] | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    source: str | None = None
    notes: str | None = None
    tags: list[str] = Field(default_factory=list)
    custom_fields: dict[str, Any] = Field(default_factory=dict)


app = FastAPI()


@app.get("/health")
def check_health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/inbound/leads", status_code=201)
def receive_lead(lead: NaiveLeadFields, response: Response, prefer: Annotated[str, Header()] = "") -> dict[str, Any]:
    payload = lead.model_dump()
    if prefer == "respond-async":
        response.status_code = 202
        return {"status": "accepted", "submission_id": store_lead.delay(payload).id}
    verdict: dict[str, Any] = store_lead_for_verdict.delay(payload).get(timeout=VERDICT_TIMEOUT_SECONDS)
    return verdict
