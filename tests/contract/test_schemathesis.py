"""schemathesis over the whole document: whatever it thinks of, the service answers as the document says.

Deterministic. Some examples of every endpoint run with the suite; `LEADHUB_FUZZ=500` runs so many of each, and those
that walk along every bound as well.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance, unsupported_method

from tests.contract.operation_catalogue import DOCUMENT
from tests.contract.records import Workspace
from tests.contract.service import Service

EXAMPLES = int(os.environ.get("LEADHUB_FUZZ", "0"))
BRIEF = 12

CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {
            "deterministic": True,
            "max-examples": EXAMPLES or BRIEF,
            "allow-x00": False,  # no schema can forbid it, every endpoint does: another test sends it everywhere
            "allow-extra-parameters": False,  # what is unknown is ignored
            "with-security-parameters": False,
            "database": "none",
            "no-shrink": not EXAMPLES,
        },
        "phases": {"coverage": {"enabled": bool(EXAMPLES)}},
        # No schema can tell that a name is taken or a record is not there (422), or that a body is too large (413).
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, 422, 429]},
            "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 409, 413, 415, 422, 429]},
        },
    }
)


@schemathesis.serializer("application/x-ndjson")
def as_it_is(_: Any, value: Any) -> bytes:
    """Lines of JSON, or anything else: bad ones fail alone."""
    return str(value).encode()


SCHEMA = schemathesis.openapi.from_dict(deepcopy(DOCUMENT), config=CONFIG)


class Target:
    """A workspace of its own, for the time of these tests, and a record for each address in it."""

    def __init__(self, service: Service) -> None:
        self.url = service.url
        self.slug = f"fuzz-{secrets.token_hex(4)}"
        service.make_workspace(self.slug, "Fuzz")
        self.key, self.key_id = service.create_key("*", workspace=self.slug)
        self.session = requests.Session()
        self._service = service
        self._values: dict[str, dict[str, Any]] = {}

    def values(self, path: str) -> dict[str, Any]:
        """Records of the workspace for the parameters of a path."""
        if path not in self._values:
            self._values[path] = asyncio.run(self._make(path))
        return self._values[path]

    async def _make(self, path: str) -> dict[str, Any]:
        async with self._service.client(self.key) as session:
            return await Workspace(self._service, session, self.slug).values(path)


@pytest.fixture(scope="module")
def target(service: Service) -> Iterator[Target]:
    found = Target(service)
    yield found
    found.session.close()


def prepare(case: schemathesis.Case[Any], target: Target) -> None:
    """Puts records that exist where the case would name one that does not; what is no id stays as it is."""
    parameters = case.path_parameters or {}
    if case.method != "DELETE" and parameters and all(map(is_id, parameters.values())):
        case.path_parameters = target.values(case.path)
    if (case.query or {}).get("tenant"):
        case.query["tenant"] = target.slug
    if isinstance((case.query or {}).get("wait"), int) and case.query["wait"] > 0:
        case.query["wait"] = 1


def is_id(value: Any) -> bool:
    return (isinstance(value, int) and 0 < value < 2**53) or (isinstance(value, str) and len(value) > 0)


def spares(case: schemathesis.Case[Any], target: Target) -> bool:
    """Whether the case leaves the key alone that all cases use."""
    return not ("api-keys" in case.path and str((case.path_parameters or {}).get("id")) == str(target.key_id))


def excluded(case: schemathesis.Case[Any]) -> list[CheckFunction]:
    """Checks that do not hold for the case."""
    checks: list[CheckFunction] = []
    if case.path.endswith("/webhooks/{token}"):
        checks.append(positive_data_acceptance)  # which methods and bodies a provider sends, its type decides
    if case.path.endswith("/batch"):
        checks.append(negative_data_rejection)  # bad items fail alone
    sent = ["" if value in ([], {}) else value for value in (case.query or {}).values()]  # that is how they are sent
    sent += case.body.values() if isinstance(case.body, dict) else ()
    if case.media_type == "multipart/form-data":
        checks.append(positive_data_acceptance)  # a header of a part cannot hold every name that JSON can
    if "" in sent:
        checks.append(negative_data_rejection)  # blank means null, or not sent
    if any(fits(path, case.path) for path in DOCUMENT["paths"] if path != case.path):
        checks.append(unsupported_method)  # a record by that name is asked for, and is not there
    return checks


def fits(path: str, address: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), address) is not None


@SCHEMA.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_requests_answer_as_documented(case: schemathesis.Case[Any], target: Target) -> None:
    prepare(case, target)
    if spares(case, target):
        headers = {"Authorization": f"Bearer {target.key}"}
        case.call_and_validate(target.url, target.session, headers, excluded_checks=excluded(case))
