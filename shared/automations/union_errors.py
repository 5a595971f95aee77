"""Validate objects whose `type` selects their schema, with errors located at the path of the field alone.

pydantic's own unions put the name of the tried member into the location of an error.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from shared.platform.validation.messages import custom_error

ReadT = TypeVar("ReadT")

# An unknown member is probably a typing mistake, and would be ignored silently.
closed_object = with_config(ConfigDict(extra="forbid"))


class ErrorCollector:
    """Collects the errors of a value until `raise_any`."""

    def __init__(self) -> None:
        self._found: list[InitErrorDetails] = []

    def add_error(self, error: PydanticCustomError | PydanticKnownError, *at: int | str) -> None:
        self._found.append(InitErrorDetails(type=_as_custom_error(error), loc=at, input=None))

    def try_read(self, reader: Callable[[Any], ReadT], value: Any, *at: int | str) -> ReadT | None:
        """Return the result of `reader`. If it raises a validation error, collect that under `at` and return None."""
        try:
            return reader(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                kind = cast("Any", detail["type"])
                self.add_error(PydanticCustomError(kind, "invalid", detail.get("ctx")), *at, *detail["loc"])
        except (PydanticCustomError, PydanticKnownError) as error:
            self.add_error(error, *at)
        return None

    def raise_any(self) -> None:
        if self._found:
            raise ValidationError.from_exception_data("definition", self._found)


def _as_custom_error(error: PydanticCustomError | PydanticKnownError) -> PydanticCustomError:
    return error if isinstance(error, PydanticCustomError) else PydanticCustomError(cast("Any", error.type), "invalid")


def as_object(value: Any) -> dict[str, Any]:
    """Return the value if it is an object. Raises a pydantic error."""
    if not isinstance(value, dict):
        raise PydanticKnownError("dict_type")
    return value


def tagged_object(union: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a validator for a discriminated union of TypedDicts, selected by `type`."""
    kinds = {_type_tag(member): TypeAdapter(member) for member in get_args(get_args(union)[0])}
    names = ", ".join(kinds)

    def read(value: Any) -> dict[str, Any]:
        kind = as_object(value).get("type")
        if isinstance(kind, str) and kind in kinds:
            return cast("dict[str, Any]", kinds[kind].validate_python(value))
        faults = ErrorCollector()
        wrong = custom_error(f"The {{field}} field must be one of: {names}.")
        faults.add_error(PydanticKnownError("missing") if kind is None else wrong, "type")
        faults.raise_any()
        raise AssertionError("unreachable")

    return read


def _type_tag(member: Any) -> str:
    shape = get_args(member)[0] if get_origin(member) is Annotated else member
    (kind,) = get_args(get_type_hints(shape)["type"])
    return str(kind)


def exactly_one(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the one of these members that is set. Raises if none or several are."""
    sent_names = [name for name in names if value.get(name) is not None]
    if len(sent_names) == 1:
        return sent_names[0]
    faults = ErrorCollector()
    if not sent_names:
        faults.add_error(PydanticKnownError("missing"), names[0])
    for name in sent_names[1:]:
        faults.add_error(custom_error(f"The {{field}} field must not be sent together with {sent_names[0]}."), name)
    faults.raise_any()
    raise AssertionError("unreachable")
