"""Checking a value that says itself of which kind it is, so that each error names its field and nothing else.

pydantic's own unions put the name of the member they tried into an error's place; here the place is the field's path.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from shared.validation import said

T = TypeVar("T")

closed = with_config(ConfigDict(extra="forbid"))  # an unknown member is a typing mistake that would be ignored silently


class Faults:
    """What is wrong with a value, gathered until `raise_any`."""

    def __init__(self) -> None:
        self._found: list[InitErrorDetails] = []

    def add(self, error: PydanticCustomError | PydanticKnownError, *at: int | str) -> None:
        self._found.append(InitErrorDetails(type=_custom(error), loc=at, input=None))

    def take(self, read: Callable[[Any], T], value: Any, *at: int | str) -> T | None:
        """What `read` makes of the value; None, and its errors noted under `at`, where it refuses."""
        try:
            return read(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                kind = cast("Any", detail["type"])
                self.add(PydanticCustomError(kind, "invalid", detail.get("ctx")), *at, *detail["loc"])
        except (PydanticCustomError, PydanticKnownError) as error:
            self.add(error, *at)
        return None

    def raise_any(self) -> None:
        if self._found:
            raise ValidationError.from_exception_data("definition", self._found)


def _custom(error: PydanticCustomError | PydanticKnownError) -> PydanticCustomError:
    return error if isinstance(error, PydanticCustomError) else PydanticCustomError(cast("Any", error.type), "invalid")


def as_object(value: Any) -> dict[str, Any]:
    """The value if it is an object."""
    if not isinstance(value, dict):
        raise PydanticKnownError("dict_type")
    return value


def one_of(union: Any) -> Callable[[Any], dict[str, Any]]:
    """A reader of objects whose `type` says which member of a discriminated union of TypedDicts they are."""
    kinds = {_kind(member): TypeAdapter(member) for member in get_args(get_args(union)[0])}
    names = ", ".join(kinds)

    def read(value: Any) -> dict[str, Any]:
        kind = as_object(value).get("type")
        if isinstance(kind, str) and kind in kinds:
            return cast("dict[str, Any]", kinds[kind].validate_python(value))
        faults = Faults()
        wrong = said(f"The {{field}} field must be one of: {names}.")
        faults.add(PydanticKnownError("missing") if kind is None else wrong, "type")
        faults.raise_any()
        raise AssertionError("unreachable")

    return read


def _kind(member: Any) -> str:
    shape = get_args(member)[0] if get_origin(member) is Annotated else member
    (kind,) = get_args(get_type_hints(shape)["type"])
    return str(kind)


def only_one(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The one of these members that was sent. Raises where none was, or several."""
    sent = [name for name in names if value.get(name) is not None]
    if len(sent) == 1:
        return sent[0]
    faults = Faults()
    if not sent:
        faults.add(PydanticKnownError("missing"), names[0])
    for name in sent[1:]:
        faults.add(said(f"The {{field}} field must not be sent together with {sent[0]}."), name)
    faults.raise_any()
    raise AssertionError("unreachable")
