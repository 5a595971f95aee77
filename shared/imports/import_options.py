"""The options of an import as they are sent: JSON, checked against the file's columns. Pure."""

import codecs
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from shared.imports.code_pages import PAGE_CODECS
from shared.imports.column_mapping import ColumnMapping, guess_mapping, mapping_errors
from shared.imports.text_encoding import TEXT_ENCODINGS, TextEncoding
from shared.leads.duplicate_policy import MergePolicy
from shared.leads.phone_countries import PhoneCountry
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import StrictFlag, Text100, Text255

NO_JSON_MESSAGE: Final = "The options field must be a JSON object."


InvalidContacts = Literal["keep", "reject"]


def _encoding_of(name: Any) -> Any:
    """Return the encoding of a usual name, such as `windows-1256` or `SJIS`. Other values stay, and are refused."""
    try:
        codec = codecs.lookup(name).name if isinstance(name, str) else ""
    except LookupError:
        return name
    return _ENCODINGS_BY_CODEC.get(codec, name)


_ENCODINGS_BY_CODEC: dict[str, TextEncoding] = {
    **{codec: page for page, codec in PAGE_CODECS.items()},
    **{codecs.lookup(encoding).name: encoding for encoding in TEXT_ENCODINGS},
    "gb2312": "gbk",
}
ChosenEncoding = Annotated[TextEncoding, BeforeValidator(_encoding_of)]


class ImportOptions(TypedDict, total=False):
    """How a file is imported. `mapping` is guessed from the header without one; columns that it leaves out are unused.

    `source` is that of rows without one, and every lead gets the `tags`. The policy is the workspace's without one.
    `encoding` is judged without one. `invalid`: whether a lead keeps an email that cannot be read as it was given, or
    its row is rejected. `phone_country`: where phones without a prefix are dialled, otherwise the
    workspace's.
    """

    mapping: dict[str, str | None] | None
    merge_policy: MergePolicy | None
    source: Text255 | None
    tags: Annotated[list[Text100], Field(max_length=100)] | None
    run_automations: StrictFlag | None
    invalid: InvalidContacts | None
    encoding: ChosenEncoding | None
    phone_country: PhoneCountry | None


_SCHEMA = FieldsSchema(ImportOptions)


def parse_options(text: str, errors: FieldErrors) -> dict[str, Any]:
    """Return the valid options. Errors go into `errors`, as `options.<name>`."""
    try:
        document = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        errors["options"] = [NO_JSON_MESSAGE]
        return {}
    wrong: FieldErrors = {}
    fields = parse_option_fields(document, wrong)
    errors |= {f"options.{name}": messages for name, messages in wrong.items()}
    return fields


def parse_option_fields(sent: Mapping[str, Any], errors: FieldErrors) -> dict[str, Any]:
    """Return the valid options. Errors go into `errors`, by option."""
    fields, wrong = _SCHEMA.validate_fields(sent)
    errors |= wrong
    return {name: value for name, value in dict(fields).items() if value is not None}


def resolve_mapping(options: dict[str, Any], columns: Sequence[str], errors: FieldErrors) -> ColumnMapping:
    """Return the mapping of all columns: as sent, otherwise guessed. Errors go into `errors`."""
    mapping: ColumnMapping | None = options.get("mapping")
    if mapping is None:
        return guess_mapping(columns)
    errors |= {f"options.{name}": messages for name, messages in mapping_errors(mapping, columns).items()}
    return {column: mapping.get(column) for column in columns}
