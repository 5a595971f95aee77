"""Uploaded files as values of a form: their checks, and what a submission keeps of them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from shared.files.file_types import is_type_accepted
from shared.forms.field_definition import FormFieldRecord

MEGABYTE_BYTES = 1 << 20  # bytes
TOO_LARGE_MESSAGE = "The {{field}} field takes files of at most {limit} MB."
NO_ROOM_MESSAGE = "The {field} field takes no files at the moment: the workspace has as many as it may keep."
WRONG_TYPE_MESSAGE = "The {{field}} field takes only files of these types: {types}."


class UploadedFile(NamedTuple):
    """An uploaded file. Its content lies in the file store under its digest, if it has an `id`."""

    name: str
    size: int  # bytes
    type: str  # judged by its bytes
    digest: str = ""  # SHA-256, in hexadecimal
    id: str = ""
    has_no_room: bool = False  # the workspace keeps as many as it may


class FileProblem(NamedTuple):
    """A reason why a field does not take a file: its message, with `{field}` for the name, and as a `FieldProblem`."""

    message: str
    code: str
    params: Mapping[str, Any]


def describe_file(file: UploadedFile) -> dict[str, Any]:
    """Return the file as the submission shows it."""
    return {"id": file.id, "name": file.name, "size": file.size, "type": file.type}


def find_file_problem(field: FormFieldRecord, file: UploadedFile) -> FileProblem | None:
    """Return the reason why the field does not take the file, or None."""
    limit, accept = field["max_size_mb"], field["accept"]
    if file.has_no_room:
        return FileProblem(NO_ROOM_MESSAGE, "file_no_room", {})
    if file.size > limit * MEGABYTE_BYTES:
        return FileProblem(TOO_LARGE_MESSAGE.format(limit=limit), "file_too_large", {"max_mb": limit})
    if not is_type_accepted(accept, file.name, file.type):
        return FileProblem(WRONG_TYPE_MESSAGE.format(types=", ".join(accept)), "file_type", {"types": accept})
    return None


def comparable_values(value: Any) -> Any:
    """Return sent values without the ids of files, which differ when a request is repeated."""
    if isinstance(value, UploadedFile):
        return list(value[:4])
    if isinstance(value, list):
        return [comparable_values(one) for one in value]
    return {key: comparable_values(one) for key, one in value.items()} if isinstance(value, dict) else value


def stored_files(values: Mapping[str, Any], keys: Iterable[str]) -> list[dict[str, Any]]:
    """Return the files of these fields for the form's part of the submission, from which ingest makes their rows."""
    return [
        {"id": file.id, "digest": file.digest, "name": file.name, "size": file.size, "type": file.type, "key": key}
        for key in keys
        for file in _files_in(values.get(key))
        if file.id
    ]


def _files_in(value: Any) -> Iterator[UploadedFile]:
    if isinstance(value, UploadedFile):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, UploadedFile))
