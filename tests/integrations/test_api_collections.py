"""The collections for Postman and Bruno: complete, and their tour is answered by a running LeadHub as they expect."""

import json
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from integrations.codegen.bruno_collection import TOUR_FOLDER
from integrations.codegen.collection_people import MARK, NEW_PHONE
from integrations.codegen.collection_requests import AnswerCheck, CollectionRequest
from integrations.codegen.collection_tour import IS_FULL, IS_NUMBER, TOUR_NAME, tour_requests
from integrations.codegen.generated_files import BRUNO_FOLDER, OPENAPI_FILE, POSTMAN_FILE, leftover_files
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import NO_NPM_REASON
from tests.integrations.collection_programs import collection_runners, collection_variables
from tests.support.stack import Stack
from tests.support.waiting import until

COLLECTION = json.loads(POSTMAN_FILE.read_text(encoding="utf-8"))
DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
TOUR = {request.name: request for request in tour_requests()}
VARIABLE = re.compile(r"\{\{([\w$]+)\}\}")
README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")


def tour_items() -> list[dict[str, Any]]:
    (folder,) = (folder for folder in COLLECTION["item"] if folder["name"] == TOUR_NAME)
    return list(folder["item"])


def operation_addresses() -> set[tuple[str, str]]:
    """Operations of the document by method and path; those that repeat another one are left out."""
    return {
        (method.upper(), re.sub(r"\{(\w+)\}", r":\1", path))
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if not operation.get("x-sdk-ignore")
    }


def test_postman_has_each_operation_once() -> None:
    requests = [
        item["request"] for folder in COLLECTION["item"] if folder["name"] != TOUR_NAME for item in folder["item"]
    ]
    addresses = [(request["method"], "/" + "/".join(request["url"]["path"])) for request in requests]
    assert len(addresses) == len(set(addresses))
    assert set(addresses) == operation_addresses()


def test_bruno_has_each_operation_once() -> None:
    texts = [path.read_text(encoding="utf-8") for path in BRUNO_FOLDER.glob("*/*.bru")]
    found = [re.search(r"^(\w+) \{\n  url: \{\{baseUrl\}\}([^?\n]+)", text, re.MULTILINE) for text in texts]
    addresses = {(match[1].upper(), match[2]) for match in found if match}
    assert operation_addresses() <= addresses
    assert leftover_files() == []


def test_tour_follows_the_readme() -> None:
    """Each of its headings up to the form is the name of a request, in the same order."""
    chapter = README.partition("## Five minutes")[2].partition("**See everything else**")[0]
    headings = re.findall(r"^\*\*([^.*]+)", chapter, re.MULTILINE)
    names = [re.sub(r"^\d+ ", "", name) for name in TOUR]
    found = [next((name for name in names if name.startswith(heading)), None) for heading in headings]
    assert None not in found, headings
    assert found == sorted(found, key=lambda name: names.index(name or ""))


def test_collection_holds_no_answer_and_no_secret() -> None:
    items = [item for folder in COLLECTION["item"] for item in folder["item"]]
    assert all(item["response"] == [] for item in items)
    values = {each["key"]: each["value"] for each in COLLECTION["variable"]}
    assert values["key"] == "lh_your_api_key_here"
    assert POSTMAN_FILE.stat().st_size < 400_000


@pytest.fixture
def variables(shared_stack: Stack) -> dict[str, str]:
    """Those that a user sets, for a workspace of the test's own."""
    return collection_variables(shared_stack)


@pytest.fixture(scope="module")
def runners() -> Path:
    """The folder of newman and Bruno's own runner."""
    tools = collection_runners()
    if tools is None:
        pytest.skip(NO_NPM_REASON)
    return tools


def test_tour_is_answered_as_it_expects(variables: dict[str, str]) -> None:
    """Each request as it stands in the file; newman also runs the scripts beside them."""
    variables |= {MARK: "qrstvwxzbc", NEW_PHONE: "+14155550199"}
    with httpx.Client(timeout=60) as http:
        for item in tour_items():
            expected = TOUR[item["name"]]
            answer = until(partial(met_answer, http, item, expected, variables), 60, item["name"])
            variables.update({name: str(value_at(answer, path)) for name, path in expected.captures})


def met_answer(http: httpx.Client, item: dict[str, Any], expected: CollectionRequest, variables: dict[str, str]) -> Any:
    """The answer to a request; None if it is not yet what the tour waits for."""
    answer = send_item(http, item["request"], variables)
    assert answer.status_code == expected.status, f"{item['name']}: {answer.text}"
    body = answer.json() if expected.checks or expected.captures else {"status": "ok"}
    is_met = all(holds(check, value_at(body, check.path), variables) for check in expected.checks)
    assert is_met or expected.pause, f"{item['name']}: {answer.text}"
    return body if is_met else None


def send_item(http: httpx.Client, request: dict[str, Any], variables: dict[str, str]) -> httpx.Response:
    headers = {each["key"]: filled(each["value"], variables) for each in request["header"] if not each.get("disabled")}
    if "auth" not in request:
        headers["Authorization"] = f"Bearer {variables['key']}"
    address = request["url"]
    url = filled(address if isinstance(address, str) else address["raw"], variables)
    body = request.get("body", {})
    if body.get("mode") == "urlencoded":
        values = {each["key"]: filled(each["value"], variables) for each in body["urlencoded"]}
        return http.request(request["method"], url, headers=headers, data=values)
    return http.request(request["method"], url, headers=headers, content=filled(body.get("raw", ""), variables))


def filled(text: str, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda match: variables[match[1]], text)


def value_at(body: Any, path: str) -> Any:
    for word in path.split("."):
        body = body[int(word)] if word.isdecimal() else body[word]
    return body


def holds(check: AnswerCheck, value: Any, variables: dict[str, str]) -> bool:
    if check.kind == IS_FULL:
        return len(value) > 0
    if check.kind == IS_NUMBER:
        return isinstance(value, int)
    return (json.dumps(value) if isinstance(value, bool) else str(value)) == filled(check.value, variables)


def run_tour(command: list[str], variables: dict[str, str]) -> str:
    """What a runner prints when all went well."""
    words = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    found = subprocess.run(
        [*command, *words], cwd=BRUNO_FOLDER, capture_output=True, text=True, check=False, timeout=300
    )
    assert found.returncode == 0, found.stdout
    return found.stdout


@pytest.mark.extended
def test_newman_runs_the_tour_twice(runners: Path, variables: dict[str, str]) -> None:
    command = [str(runners / "newman"), "run", str(POSTMAN_FILE), "--folder", TOUR_NAME, "--bail", "--color", "off"]
    for _ in range(2):
        assert run_tour(command, variables).count("\u2713") >= len(tour_items())


@pytest.mark.extended
def test_bruno_runs_the_tour(runners: Path, variables: dict[str, str]) -> None:
    said = run_tour([str(runners / "bru"), "run", TOUR_FOLDER, "--env", "local", "--bail"], variables)
    assert f"{len(TOUR)} Passed" in said
