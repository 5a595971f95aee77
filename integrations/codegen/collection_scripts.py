"""Scripts beside the requests of a collection, in the words of either program: what is skipped, set and unset."""

import json
from dataclasses import dataclass

from integrations.codegen.collection_people import NEW_VALUES
from integrations.codegen.collection_records import NO_RECORD
from integrations.codegen.collection_requests import FILE_MEDIA_TYPE, RISK_VALUE, RISK_VARIABLE, CollectionRequest


@dataclass(frozen=True)
class ScriptWords:
    """How a program's scripts say something. `get` is of the variable `name`, `get_risk` of the user's consent."""

    get: str
    get_risk: str
    set_variable: str
    skip: str
    status: str
    pause: str
    set_line_ends: str = ""


POSTMAN = ScriptWords(
    get="pm.variables.get(name)",
    get_risk=f'pm.variables.get("{RISK_VARIABLE}")',
    set_variable="pm.collectionVariables.set",
    skip="pm.execution.skipRequest();",
    status="pm.response.code",
    pause="setTimeout(() => {{}}, {0});",
)
BRUNO = ScriptWords(
    get="(bru.getVar(name) ?? bru.getEnvVar(name))",
    get_risk=f'bru.getEnvVar("{RISK_VARIABLE}")',
    set_variable="bru.setVar",
    skip="bru.runner.skipRequest();",
    status="res.status",
    pause="await bru.sleep({0});",
    set_line_ends=r'req.setBody(req.getBody().replaceAll("\n", "\r\n"));',
)


def script_before(request: CollectionRequest, words: ScriptWords) -> list[str]:
    """Return the script before a request: skip it for its risk or for what it lacks, else make ready for it."""
    conditions = [f'{words.get_risk} !== "{RISK_VALUE}"'] if request.is_risky else []
    if needed := request.needed_variables:
        conditions.append(
            f'{json.dumps(needed)}.some((name) => ["", "{NO_RECORD}"].includes(String({words.get} ?? "")))'
        )
    ready = _lines_of_start(request, words)
    if not conditions:
        return ready
    if not ready:
        return [f"if ({' || '.join(conditions)}) {words.skip}"]
    return [f"if ({' || '.join(conditions)}) {{", f"  {words.skip}", "} else {", *indented(ready), "}"]


def capturing_lines(request: CollectionRequest, words: ScriptWords) -> list[str]:
    """Return lines that set variables by an answer that says that the run has made the record. They use `valueAt`."""
    lines = []
    for name, path in request.captures:
        conditions = [f'(valueAt("{path}") ?? null) !== null']
        if request.made_status:
            conditions.insert(0, f"{words.status} === {request.made_status}")
        if path == "lead_id":
            conditions.append('valueAt("is_duplicate") === false')
        lines.append(f'if ({" && ".join(conditions)}) {words.set_variable}("{name}", valueAt("{path}"));')
    return lines


def indented(lines: list[str]) -> list[str]:
    """Return lines of a block."""
    return [f"  {line}" for line in lines]


def _lines_of_start(request: CollectionRequest, words: ScriptWords) -> list[str]:
    lines = [f'{words.set_variable}("{name}", "{NO_RECORD}");' for name in request.forgotten_variables]
    lines += [f'{words.set_variable}("{name}", {NEW_VALUES[name]});' for name in request.new_variables]
    if request.pause:
        lines.append(words.pause.format(request.pause))
    if request.media_type == FILE_MEDIA_TYPE and words.set_line_ends:
        lines.append(words.set_line_ends)
    return lines
