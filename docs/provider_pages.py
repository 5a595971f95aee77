"""Write docs/providers/ from the registry of providers: `.venv/bin/python -m docs.provider_pages`.

Each page shows the sample of its type, and the lead that the type's own reader makes of it.
"""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.console.sources.forms import may_generate
from services.console.sources.setup_steps import SETUP_STEPS
from services.console.sources.words import CREDENTIAL_LABELS, GALLERY_GROUPS, TYPE_MARKS, TYPED_LABELS
from shared.integrations.account_claims import APP_SECRET_FIELDS
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.integration_type import CredentialField
from shared.integrations.mapping_settings import complete_integration_settings
from shared.integrations.provider import Provider
from shared.integrations.webhook_exchange import JSON_MEDIA_TYPE
from shared.integrations.webhook_trial import sample_request, try_request

PROVIDERS_FOLDER = Path(__file__).with_name("providers")
INDEX_NAME = "README.md"
GENERATED_NOTE = (
    "<!-- Generated from shared/integrations/ by `.venv/bin/python -m docs.provider_pages`; a test compares them. -->"
)
SAMPLE_TIME = 1_774_690_200.0  # seconds since the epoch: 28 March 2026
PROSE_WIDTH, SAMPLE_WIDTH = 118, 110  # columns
OWN_PAGES = {"zapier": "zapier-make.md", "make": "zapier-make.md"}
ADDRESS = "https://leads.example.com/api/inbound/webhooks/…"
PAGE_HEAD = """\
# {name}

{note}

{opening}

![The page of the console that connects {name}](../pictures/connect/{type}.webp)

## Connect it

In the console: *Sources* → *Connect a source* → *{name}* → *Make the source*.
The next page shows its address. It also shows these steps, where *here* is the console:

{steps}

The same over the API, where the answer has the `webhook_url`:

```sh
curl -s "http://127.0.0.1:8000/api/v1/integrations" -H "Authorization: Bearer $KEY" \\
  -H "Content-Type: application/json" \\
  -d '{request}'
```

[{name}: its own page on webhooks]({docs}).
"""
ADDRESS_SECTION = """\
## The address

`{address}` takes {methods}, in the provider's format.
Whoever knows the address may post to it, so keep it secret.
{answer}
"""
INDEX_HEAD = f"""\
# Providers

{GENERATED_NOTE}

The {{count}} providers whose webhooks LeadHub reads, each in its own format.
[Sources](../sources.md) says what they have in common: what happens to a request, and who the person is.
"""
ALL_SOURCES = """\
## What all sources share

- [What happens to a request](../sources.md#what-happens-to-a-request): when it is stored, answered and tried again.
- [Who is it](../sources.md#who-is-it): how fields are recognised, and how your own mapping wins.
- [Watch it](../sources.md#watch-it): the check of a source, step by step, and the alarm when it falls silent.
"""


def provider_pages() -> dict[str, str]:
    """Return the pages by the names of their files."""
    pages = {f"{type_}.md": provider_page(provider) for type_, provider in PROVIDERS_BY_TYPE.items()}
    return {INDEX_NAME: index_page(), **pages}


def index_page() -> str:
    """Return the page that lists the providers by group, as the console offers them."""
    parts = [INDEX_HEAD.format(count=len(PROVIDERS_BY_TYPE))]
    for group in GALLERY_GROUPS:
        rows = "".join(
            f"| [{PROVIDERS_BY_TYPE[type_].type.name}]({type_}.md) | `{type_}` | {TYPE_MARKS[type_][1]} |\n"
            for type_ in group.types
        )
        parts.append(f"## {group.title}\n\n| provider | type | |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def provider_page(provider: Provider) -> str:
    """Return the page of one provider."""
    kind = provider.type
    head = PAGE_HEAD.format(
        name=kind.name,
        type=kind.type,
        note=GENERATED_NOTE,
        opening=_opening(provider),
        steps="\n".join(_wrapped(f"{place}. {step}", 3) for place, step in enumerate(SETUP_STEPS[kind.type], 1)),
        request=_create_request(provider),
        docs=kind.docs,
    )
    sections = (head, _address_section(provider), _secrets_section(provider), _example_section(provider), ALL_SOURCES)
    return "\n".join(section for section in sections if section)


def _opening(provider: Provider) -> str:
    mark = TYPE_MARKS[provider.type.type][1]
    lines = [
        f"How leads of {provider.type.name} come into LeadHub.",
        f"The type is `{provider.type.type}`: {mark}.",
    ]
    if page := OWN_PAGES.get(provider.type.type):
        lines.append(f"[A page of its own](../{page}) has recipes for both directions.")
    return "\n".join(lines)


def _create_request(provider: Provider) -> str:
    needed = {field.key: "…" for field in provider.type.fields if field.required}
    request = f'{{"type": "{provider.type.type}", "name": "{provider.type.name}"'
    return f'{request},\n       "credentials": {json.dumps(needed, ensure_ascii=False)}}}' if needed else f"{request}}}"


def _address_section(provider: Provider) -> str:
    *others, last = provider.methods
    methods = f"{', '.join(others)} and {last}" if others else last
    body = provider.answer.body.decode()
    with_body = f"`{body}`" if body else "an empty body"
    lines = [f"It answers {provider.answer.status} with {with_body}, for new and repeated requests alike."]
    if provider.answer_handshake:
        lines.append(f"It answers the handshake by which {provider.type.name} checks the address.")
    if provider.receives_mail:
        lines.append("A mail may have 30 MiB with its attachments (`LEADHUB_MAIL_BODY_LIMIT`).")
    else:
        lines.append("A body may have 1 MiB (`LEADHUB_WEBHOOK_BODY_LIMIT`) and 1,000 items.")
    if provider.type.type in APP_SECRET_FIELDS:
        lines.append("One app has one webhook: [many accounts may share it](../sources.md#one-app-many-accounts).")
    return ADDRESS_SECTION.format(address=ADDRESS, methods=methods, answer="\n".join(lines))


def _secrets_section(provider: Provider) -> str:
    text = f"## Secrets and signature\n\n{_wrapped(provider.type.verification)}\n"
    if not provider.type.fields:
        return text
    rows = "".join(_secret_row(provider.type.type, field) for field in provider.type.fields)
    return f"{text}\n| credential | in the console | |\n|---|---|---|\n{rows}"


def _secret_row(type_: str, field: CredentialField) -> str:
    label = TYPED_LABELS.get((type_, field.key)) or CREDENTIAL_LABELS.get(field.key) or field.label
    notes = ["needed" if field.required else "optional"]
    notes += ["secret"] if field.secret else []
    notes += ["LeadHub can make it"] if may_generate(type_, field.key) else []
    return f"| `{field.key}` | {label} | {', '.join(notes)} |\n"


def _example_section(provider: Provider) -> str:
    request = sample_request(provider, SAMPLE_TIME)
    read = try_request(provider, complete_integration_settings({}), {}, request)
    (item,) = read["items"]
    sent = f"{provider.type.name} posts, for instance:\n\n{_sample_block(provider)}"
    return f"## What becomes of a request\n\n{sent}\n\n{_outcome(item)}"


def _sample_block(provider: Provider) -> str:
    if provider.sample.media_type == JSON_MEDIA_TYPE:
        return _json_block(json.loads(provider.sample.body))
    text = provider.sample.body.decode().replace("\r\n", "\n").strip()
    lines = text.splitlines() if "\n" in text else list(_wrapped_pairs(text))
    return "```text\n" + "\n".join(lines) + "\n```"


def _wrapped_pairs(text: str) -> Iterator[str]:
    """Yield a form in lines that end between two of its fields."""
    line = ""
    for place, pair in enumerate(text.split("&")):
        piece = pair if place == 0 else f"&{pair}"
        if line and len(line + piece) > SAMPLE_WIDTH:
            yield line
            line = ""
        line += piece
    yield line


def _outcome(item: dict[str, Any]) -> str:
    known = f"A repeat is known by `{item['event_id']}`." if item["event_id"] else "A repeat is known by its body."
    attribution = f"Its attribution:\n\n{_json_block(item['attribution'])}\n" if item["attribution"] else ""
    if item["kind"] == "fetch":
        fetched = (
            f"Only ids arrive. LeadHub stores the submission, and fetches the lead `{item['object_id']}` from the "
            "provider:\n[Leads that have to be fetched](../sources.md#leads-that-have-to-be-fetched) says how.\n"
        )
        return f"{fetched}{known}\n\n{attribution}"
    person = f"\nThe person is known again as `{item['external_id']}`." if item["external_id"] else ""
    return f"The lead that comes of it:\n\n{_json_block(item['lead'])}\n\n{known}{person}\n\n{attribution}"


def _wrapped(text: str, indent: int = 0) -> str:
    return textwrap.fill(text, PROSE_WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)


def _json_block(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"


def main() -> None:
    """Write the pages, and remove those of providers that are gone."""
    PROVIDERS_FOLDER.mkdir(exist_ok=True)
    pages = provider_pages()
    for path in PROVIDERS_FOLDER.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (PROVIDERS_FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
