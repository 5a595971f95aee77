"""Blueprints for Make and components for Pipedream: of the right form, and what they send is what LeadHub takes."""

import hashlib
import hmac
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from cli.page_linters import page_tool
from services.workers.deliveries import signatures
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import PROGRAMS, run_program
from tests.integrations.conftest import Site, make_site
from tests.integrations.node_packages import NO_NODE_REASON, installed_packages
from tests.support.stack import Stack

MAKE = PROJECT_ROOT / "integrations" / "make"
PIPEDREAM = PROJECT_ROOT / "integrations" / "pipedream"
ZAPIER_APP = PROJECT_ROOT / "integrations" / "zapier"  # its packages have the types of Node
BLUEPRINTS = sorted(MAKE.glob("*.json"))
SECRET = "whsec_bWFkZS11cC1vdXRib3VuZC1zZWNyZXQtMzItYnl0ZXM="

MAPPING = re.compile(r"\{\{(\d+)\.(\w+)\}\}")
OWN_ID = re.compile(r"\{\{encodeURL\(ifempty\((\d+)\.(\w+); uuid\)\)\}\}")
SIGNATURE = re.compile(r'sha256=\{\{sha256\(1\.value; "hex"; 2\.secret\)\}\}')


class ExportedPart(BaseModel):
    """What Make's exports have in common, as far as these blueprints use it."""

    model_config = ConfigDict(extra="forbid", strict=True)


class MakeFilter(ExportedPart):
    name: str
    conditions: list[list[dict[Literal["a", "o", "b"], str]]]


class MakeModule(ExportedPart):
    id: PositiveInt
    module: Annotated[str, Field(pattern="^[a-z-]+:[A-Za-z]+$")]
    version: PositiveInt
    parameters: dict[str, Any]
    mapper: dict[str, Any]
    metadata: dict[Literal["designer", "interface"], Any]
    filter: MakeFilter | None = None
    onerror: list["MakeModule"] = []


class MakeMetadata(ExportedPart):
    instant: bool
    version: Literal[1]
    scenario: dict[str, bool | int]
    designer: dict[Literal["orphans"], list[Any]]
    zone: str


class Blueprint(ExportedPart):
    name: Annotated[str, Field(pattern="^LeadHub: ")]
    flow: Annotated[list[MakeModule], Field(min_length=2)]
    metadata: MakeMetadata


@pytest.fixture(scope="module")
def new_site(shared_stack: Stack) -> Site:
    """A workspace of these tests alone."""
    return make_site(shared_stack, "Blueprints")


def read_blueprint(name: str) -> dict[int, dict[str, Any]]:
    """Return the modules of a blueprint by their ids."""
    flow = json.loads((MAKE / name).read_text())["flow"]
    return {module["id"]: module for module in flow}


def map_values(mapped: Any, bundles: dict[int, dict[str, str]]) -> Any:
    """Fill in what earlier modules gave, as Make does for mappings with these functions."""
    if isinstance(mapped, str):
        named = OWN_ID.sub(lambda found: quote(bundles[int(found[1])].get(found[2]) or str(uuid4()), safe=""), mapped)
        return MAPPING.sub(lambda found: bundles[int(found[1])].get(found[2], ""), named)
    if isinstance(mapped, list):
        return [map_values(each, bundles) for each in mapped]
    if isinstance(mapped, dict):
        return {name: map_values(value, bundles) for name, value in mapped.items()}
    return mapped


def set_variables(module: dict[str, Any], **changed: str) -> dict[str, str]:
    """The bundle of a module that sets variables, some of them as its user changed them."""
    variables = {each["name"]: each["value"] for each in module["mapper"]["variables"]}
    assert changed.keys() <= variables.keys()
    return variables | changed


def send_mapped(module: dict[str, Any], bundles: dict[int, dict[str, str]]) -> httpx.Response:
    """Send the request of an HTTP module."""
    mapper = map_values(module["mapper"], bundles)
    assert mapper["bodyType"] == "x_www_form_urlencoded"
    return httpx.request(
        mapper["method"],
        mapper["url"],
        params={each["name"]: each["value"] for each in mapper["qs"]},
        headers={each["name"]: each["value"] for each in mapper["headers"]},
        data={each["key"]: each["value"] for each in mapper["formFields"]},
        timeout=float(mapper["timeout"]),
    )


@pytest.mark.parametrize("file", BLUEPRINTS, ids=lambda file: file.stem)
def test_a_blueprint_has_the_form_of_makes_exports(file: Path) -> None:
    blueprint = Blueprint.model_validate_json(file.read_text())
    modules = [one for module in blueprint.flow for one in (module, *module.onerror)]
    assert [module.id for module in modules] == list(range(1, len(modules) + 1))
    for module in modules:
        assert {"x", "y", "name"} == module.metadata["designer"].keys()
        text = module.model_dump_json()
        named = {int(number) for number, _ in MAPPING.findall(text) + OWN_ID.findall(text)}
        assert all(number < module.id for number in named)


def test_the_blueprint_that_sends_a_lead_sends_it_once(new_site: Site) -> None:
    modules = read_blueprint("send-lead.json")
    came = {"event_id": "order 1 №", "email": "make@example.com", "first_name": 'Ada "the" first', "seats": "3"}
    account = set_variables(modules[2], address=new_site.url, workspace=new_site.slug, key=new_site.key)
    first, again = (send_mapped(modules[3], {1: came, 2: account}) for _ in range(2))
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    answer = httpx.get(
        f"{new_site.url}/api/v1/leads/{first.json()['lead_id']}", headers={"Authorization": f"Bearer {new_site.key}"}
    )
    lead = answer.json()["data"]
    assert (lead["first_name"], lead["tags"], lead["custom_fields"]) == ('Ada "the" first', ["make"], {"seats": "3"})
    assert send_mapped(modules[3], {1: {"event_id": "2", "email": "no address"}, 2: account}).status_code == 422


def test_leads_without_an_event_id_are_all_sent_by_the_blueprint(new_site: Site) -> None:
    modules = read_blueprint("send-lead.json")
    account = set_variables(modules[2], address=new_site.url, workspace=new_site.slug, key=new_site.key)
    sent = [send_mapped(modules[3], {1: {"email": f"{name}@example.com"}, 2: account}) for name in ("fay", "gus")]
    assert [answer.status_code for answer in sent] == [201, 201]


def test_the_blueprint_that_receives_events_asks_for_the_signature() -> None:
    modules = read_blueprint("receive-events.json")
    secret = set_variables(modules[2], secret=SECRET)["secret"]
    ((condition,),) = modules[3]["filter"]["conditions"]
    assert SIGNATURE.fullmatch(condition["a"])
    assert "x-leadhub-signature" in condition["b"]
    body = b'{"event": "lead.created"}'
    sent = signatures.signature_headers("msg_1", 0, body, [SECRET])["X-LeadHub-Signature"]
    assert sent == f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def settings_of(site: Site) -> dict[str, Any]:
    if shutil.which("node") is None:
        pytest.skip("needs node")
    return {"url": site.url, "key": site.key, "folder": str(PIPEDREAM)}


def run_components(scenario: str, site: Site) -> Any:
    return run_program(["node", "--no-warnings", str(PROGRAMS / "pipedream.mjs")], scenario, settings_of(site))


def test_the_source_for_pipedream_offers_each_event() -> None:
    document = json.loads((PROJECT_ROOT / "docs" / "openapi.json").read_text())
    listed = document["components"]["schemas"]["NewWebhookFields"]["properties"]["events"]["items"]["enum"]
    lines = (PIPEDREAM / "new-event.mjs").read_text()
    (offered,) = re.findall(r"const EVENTS = \[(.*?)\];", lines, re.DOTALL)
    assert set(re.findall(r'"(.+?)"', offered)) == set(listed) - {"*"}


def test_actions_for_pipedream_send_and_find_leads(new_site: Site) -> None:
    found = run_components("actions", new_site)
    lead_id = found["created"]["lead_id"]
    assert (found["created"]["is_duplicate"], found["summary"]) == (False, f"Sent lead {lead_id}")
    assert found["repeated"] is True
    assert found["found"]["result"]["tags"] == ["piped"]
    assert (found["found"]["summary"], found["nobody"]["result"]) == (f"Found lead {lead_id}", None)
    assert found["wrong"] == ["RefusedRequest", "The email field must be a valid email address."]


def test_actions_for_pipedream_say_what_is_wrong_and_follow_no_redirect(new_site: Site) -> None:
    found = run_components("strangers", new_site)
    for name, status in (("redirect", 302), ("page", 200)):
        told = f"The answer is not from LeadHub (status {status}). Is the address right?"
        assert found[name] == {"problem": ["RefusedRequest", told], "requests": 1}
    assert found["busy"]["problem"][1] == "Too many requests. Try again in 7 seconds."
    assert found["key"][0] == "RefusedRequest"


@pytest.mark.extended
def test_the_source_for_pipedream_emits_signed_messages_alone(open_site: Site) -> None:
    found = run_components("source", open_site)
    (emission,) = found["emitted"]
    assert emission["event"]["lead"]["email"] == "pipe-source@example.com"
    assert emission["meta"]["id"] == emission["event"]["id"]
    assert emission["meta"]["summary"] == "lead.created: pipe-source@example.com"
    assert found["statuses"] == [200, 401, 401, 401]


@pytest.mark.extended
def test_types_of_the_components_fit(tmp_path: Path) -> None:
    tsc, modules = page_tool("tsc"), installed_packages(ZAPIER_APP, "@types/node")
    if tsc is None or modules is None:
        pytest.skip(NO_NODE_REASON)
    shutil.copytree(PIPEDREAM, tmp_path, dirs_exist_ok=True)
    options = ("--allowJs", "--checkJs", "--strict", "--noEmit", "--skipLibCheck", "--target", "esnext")
    resolution = ("--module", "nodenext", "--typeRoots", str(modules / "@types"), "--types", "node")
    command = [tsc, *options, *resolution, *map(str, sorted(tmp_path.glob("*.mjs")))]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert found.stdout == ""
