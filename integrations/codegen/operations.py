"""The operations of the document as methods of a client: pure, the same for every language."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SpecObject = dict[str, Any]
JSON_MEDIA_TYPE = "application/json"
PAGING_PARAMETERS = ("page", "cursor")  # a client walks the pages by itself
FORMAT_PARAMETER = "format"  # a list that can also be had as CSV has records here

# Written by hand in each client, since they need a key for repeats, a workspace, a file, or a cursor that never ends.
HAND_WRITTEN = frozenset(
    {"submit_lead", "submit_leads", "submit_form", "import_leads", "list_events", "get_me", "get_health"}
)
# No calls of a program: pages for people, what a provider or a mail's reader calls, and the document itself. Nor
# samples of events, whose records are of several types.
LEFT_OUT = frozenset(
    {
        *("show_documentation", "get_openapi_document", "list_event_samples"),
        *("show_unsubscribe_page", "unsubscribe_address", "answer_handshake", "receive_webhook"),
    }
)
GROUP_NAMES = {"lead-scoring-rules": "scoring_rules"}
GROUP_NOUNS = {"audit_log": ("audit_entries",), "scoring_rules": ("scoring_rules", "scoring_rule")}
BULK_VERBS = ("replay", "release", "reject", "resend")  # of one record or of many
RESERVED_NAMES = {"try": "try_out", "import": "import_file"}


@dataclass(frozen=True)
class ClientMethod:
    """A method of a client's group: `list` of `leads`.

    `kind` is what the answer holds: `page`, `list` or `record`, each of one of the `models`, or `bytes` or `nothing`. A
    record of which `may_be_absent` is true may also be none.
    """

    group: str
    name: str
    operation_id: str
    http_method: str
    path: str
    path_parameters: tuple[tuple[str, SpecObject], ...]
    query_parameters: tuple[SpecObject, ...]
    body: SpecObject | None
    body_is_required: bool
    kind: str
    models: tuple[str, ...]
    may_be_absent: bool
    summary: str


def client_methods(document: SpecObject) -> list[ClientMethod]:
    """Return a method for each operation that no hand-written code covers. Raises ValueError if two have one name."""
    methods = [
        _client_method(document, path, http_method.upper(), operation)
        for path, item in document["paths"].items()
        for http_method, operation in item.items()
        if operation["operationId"] not in HAND_WRITTEN | LEFT_OUT and not operation.get("x-sdk-ignore")
    ]
    names = [(method.group, method.name) for method in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"two methods have one name: {sorted({name for name in names if names.count(name) > 1})}")
    return sorted(methods, key=lambda method: method.group)


def group_names(methods: list[ClientMethod]) -> list[str]:
    """Return the groups, by the alphabet."""
    return sorted({method.group for method in methods})


def resolved_parameters(document: SpecObject, operation: SpecObject) -> Iterator[SpecObject]:
    """Yield the parameters of an operation, those that it refers to included."""
    for parameter in operation.get("parameters", ()):
        name = parameter.get("$ref", "").rpartition("/")[2]
        yield document["components"]["parameters"][name] if name else parameter


def model_name(schema: SpecObject) -> str:
    """Return the name of the schema that a reference leads to."""
    return str(schema["$ref"]).rpartition("/")[2]


def _client_method(document: SpecObject, path: str, http_method: str, operation: SpecObject) -> ClientMethod:
    parameters = list(resolved_parameters(document, operation))
    body = operation.get("requestBody", {})
    answers = _answers_of(document, operation)
    models = tuple(model for _, model in answers if model)
    kind = next((kind for kind, _ in answers if kind != "nothing"), "nothing")
    left_out = PAGING_PARAMETERS + ((FORMAT_PARAMETER,) if kind == "page" else ())
    group = GROUP_NAMES.get(operation["tags"][0], operation["tags"][0].replace("-", "_"))
    return ClientMethod(
        group=group,
        name=_method_name(group, operation["operationId"]),
        operation_id=operation["operationId"],
        http_method=http_method,
        path=path,
        path_parameters=tuple((each["name"], each["schema"]) for each in parameters if each["in"] == "path"),
        query_parameters=tuple(each for each in parameters if each["in"] == "query" and each["name"] not in left_out),
        body=body["content"][JSON_MEDIA_TYPE]["schema"] if body else None,
        body_is_required=bool(body.get("required")),
        kind=kind,
        models=models,
        may_be_absent=kind != "nothing" and ("nothing", "") in answers,
        summary=operation["summary"],
    )


def _method_name(group: str, operation_id: str) -> str:
    verb, _, noun = operation_id.partition("_")
    plural = group
    singular = plural.removesuffix("ies") + "y" if plural.endswith("ies") else plural.removesuffix("s")
    nouns = GROUP_NOUNS.get(group, (plural, singular))
    if noun == plural and verb in BULK_VERBS:
        return f"{verb}_many"
    if noun in nouns:
        return RESERVED_NAMES.get(verb, verb)
    for own in nouns:
        if noun.startswith(f"{own}_"):
            return f"{verb}_{noun.removeprefix(f'{own}_')}"
    return operation_id


def _answers_of(document: SpecObject, operation: SpecObject) -> list[tuple[str, str]]:
    """Return what each successful answer holds, and the name of its model."""
    successes = [said for status, said in operation["responses"].items() if status.startswith("2")]
    return list(dict.fromkeys(_answer_of(document, said.get("content", {})) for said in successes))


def _answer_of(document: SpecObject, content: SpecObject) -> tuple[str, str]:
    if not content:
        return "nothing", ""
    if JSON_MEDIA_TYPE not in content:
        return "bytes", ""
    envelope = document["components"]["schemas"][model_name(content[JSON_MEDIA_TYPE]["schema"])]
    data = envelope["properties"]["data"]
    if data.get("type") == "array":
        return ("page" if "links" in envelope["properties"] else "list"), model_name(data["items"])
    return "record", model_name(data)
