"""Generated parts of the clients follow from the document, and cover all of it."""

import json
import re
import tomllib

import pytest

import leadhub_client
from integrations.codegen.generated_files import OPENAPI_FILE, generated_files
from integrations.codegen.operations import HAND_WRITTEN, LEFT_OUT, client_methods
from leadhub_client import AsyncLeadHub, LeadHub
from shared import __version__
from shared.platform.installation import PROJECT_ROOT

INTEGRATIONS = PROJECT_ROOT / "integrations"
DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))


def test_generated_files_are_up_to_date() -> None:
    """If they are not: `.venv/bin/python -m integrations.codegen`."""
    stale = [path.name for path, text in generated_files().items() if path.read_text(encoding="utf-8") != text]
    assert stale == []


def test_each_operation_has_a_method_or_is_left_out() -> None:
    operations = {
        operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()
    }
    covered = {method.operation_id for method in client_methods(DOCUMENT)}
    twins = {name for name, operation in operations.items() if operation.get("x-sdk-ignore")}
    assert covered | HAND_WRITTEN | LEFT_OUT | twins == set(operations)


@pytest.mark.parametrize("client", [LeadHub, AsyncLeadHub])
def test_client_has_each_group_and_method(client: type[LeadHub | AsyncLeadHub]) -> None:
    made = client("https://crm.example.com", "lh_key")
    for method in client_methods(DOCUMENT):
        assert callable(getattr(getattr(made, method.group), method.name))


def test_clients_have_the_version_of_the_service() -> None:
    package = json.loads((INTEGRATIONS / "typescript" / "package.json").read_text())
    constant = re.search(r'VERSION = "(.+)"', (INTEGRATIONS / "typescript" / "src" / "version.ts").read_text())
    php = re.search(r"VERSION = '(.+)'", (INTEGRATIONS / "php" / "LeadHub.php").read_text())
    assert constant
    assert php
    app = json.loads((INTEGRATIONS / "zapier" / "package.json").read_text())
    versions = {package["version"], app["version"], constant[1], php[1], leadhub_client.__version__}
    assert versions == {__version__}


def test_python_client_needs_httpx_alone() -> None:
    project = tomllib.loads((INTEGRATIONS / "python" / "pyproject.toml").read_text())["project"]
    assert [re.match(r"[\w-]+", each)[0] for each in project["dependencies"]] == ["httpx"]  # type: ignore[index]


def test_typescript_client_needs_nothing_and_pins_its_tools() -> None:
    package = json.loads((INTEGRATIONS / "typescript" / "package.json").read_text())
    assert "dependencies" not in package
    assert package["devDependencies"] == {"openapi-typescript": "7.13.0", "typescript": "5.9.3"}
