"""The app for Zapier, run by Zapier's own core against a running LeadHub. The test's program stands for Zapier."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.page_linters import page_tool
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import PROGRAMS, run_program
from tests.integrations.conftest import Site
from tests.integrations.node_packages import NO_NODE_REASON, installed_packages
from tests.support.tenants import create_key

ZAPIER_APP = PROJECT_ROOT / "integrations" / "zapier"
EVENT_MEMBERS = {"/id", "/event", "/occurred_at", "/lead/id", "/lead/email", "/data/channel"}
INVALID_EMAIL = "The email field must be a valid email address."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app as Zapier would load it, its packages beside it, and the program of the scenarios."""
    modules = installed_packages(ZAPIER_APP, "zapier-platform-core")
    if modules is None:
        pytest.skip(NO_NODE_REASON)
    made = tmp_path_factory.mktemp("zapier") / "app"
    shutil.copytree(ZAPIER_APP, made, ignore=shutil.ignore_patterns("node_modules"))
    (made / "node_modules").symlink_to(modules)
    shutil.copy(PROGRAMS / "zapier.mjs", made)
    return made


@pytest.fixture(scope="module")
def program(folder: Path) -> list[str]:
    return ["node", "--no-warnings", str(folder / "zapier.mjs")]


def settings_of(site: Site, **more: Any) -> dict[str, Any]:
    return {"url": site.url, "slug": site.slug, "key": site.key, **more}


def test_the_app_is_valid(program: list[str]) -> None:
    package = json.loads((ZAPIER_APP / "package.json").read_text())
    found = run_program(program, "validate", {})
    assert found == {"results": [], "version": package["dependencies"]["zapier-platform-core"]}


def test_a_new_lead_comes_by_its_hook_until_it_is_unsubscribed(program: list[str], open_site: Site) -> None:
    found = run_program(program, "hook", settings_of(open_site))
    assert found["subscribed"] == ["id", "secret"]
    assert found["refused"] == ["HaltedError", "HaltedError"]
    assert found["emails"] == ["zap-hook@example.com", "zap-later@example.com"]
    assert set(found["shape"]) >= EVENT_MEMBERS
    assert found["shape"] in found["samples"]
    assert found["unexpected"] == 0


def test_actions_and_searches_do_what_they_say(program: list[str], open_site: Site) -> None:
    found = run_program(program, "actions", settings_of(open_site))
    created = found["created"]
    assert (found["slug"], found["label"]) == (open_site.slug, "Open (Open)")
    assert (created["email"], created["first_name"], created["is_duplicate"]) == ("zap@example.com", "Zoe", False)
    assert created["custom_fields"] == {"seats": "3", "plan": "gold"}
    assert found["replayed"] == [True, False]
    assert found["merged"] == [True, True, ["zapped"]]
    assert (found["updated"], found["emptied"]) == (["+14155550171", "qualified", None], [None, "Zoe"])
    assert found["byEmail"] == found["byPhone"] == [created["id"]]
    assert found["nobody"] == []
    assert found["wrongEmail"] == {"name": "AppError", "message": INVALID_EMAIL, "code": "InvalidData"}
    assert found["nothing"]["message"] == "Fill in an email or a phone."
    assert found["gone"]["code"] == "InvalidData"


def test_refusals_are_of_the_kind_that_zapier_acts_on(program: list[str], open_site: Site) -> None:
    limited, _ = open_site.make_key(rate_limit=1)
    found = run_program(program, "refusals", settings_of(open_site, limited=limited))
    assert (found["stranger"]["code"], found["limited"]["name"]) == ("AuthenticationError", "ThrottledError")
    assert 0 < found["limited"]["delay"] <= 3600
    assert found["plain"]["message"] == "The address of your LeadHub must begin with https://."
    assert found["unreadable"]["message"] == "This is no address of a LeadHub."
    assert found["path"] == open_site.slug


def test_mistakes_are_said_in_one_sentence(program: list[str], open_site: Site) -> None:
    narrow, _ = create_key(open_site.stack.database_url, "write:leads", workspace=open_site.slug, name="Narrow")
    found = run_program(program, "mistakes", settings_of(open_site, narrow=narrow))
    assert found["redirect"]["message"].startswith("The address of your LeadHub leads to another one.")
    unreachable = "LeadHub cannot be reached at this address."
    assert all(found[name]["message"].startswith(unreachable) for name in ("unreachable", "scheme"))
    assert found["unsubscribed"]["code"] == "AuthenticationError"
    assert found["label"] == (
        "Open (Narrow), not for triggers: the key lacks read:leads, read:integrations, write:integrations"
    )
    assert found["numbers"] == [
        'Lead ID: "Grace" is no number.',
        'For: "1.5" is no number.',
        'Stage: "Won" is no number.',
        'Lead ID: "Grace" is no number.',
        'Lead ID: "Grace" is no number.',
        'Owner: "Ada" is no number.',
        'Only in this stage: "Won" is no number.',
    ]


@pytest.mark.extended
def test_each_trigger_hears_of_its_event(program: list[str], open_site: Site) -> None:
    found = run_program(program, "triggers", settings_of(open_site))
    heard = {name: found[name] for name in ("updated", "tagged", "moved", "submitted")}
    assert all(each["email"] == "zap-lead@example.com" and each["isSampled"] for each in heard.values())
    assert [each["event"] for each in heard.values()] == [
        "lead.updated",
        "tag.added",
        "lead.stage_changed",
        "form.submitted",
    ]
    assert heard["updated"]["data"]["changes"] == {"company": {"from": None, "to": "Zapco"}}
    assert heard["tagged"]["data"]["tag"].lower() == "zapped-twice"
    assert heard["moved"]["data"]["to"] == found["stage"]
    assert heard["submitted"]["data"] == {"form_id": found["form"]}
    assert found["silent"] == [["source.silent", None]]
    assert found["answers"] == [
        ["lead__email", "Your e-mail"],
        ["lead__custom_fields__seats", "How many seats?"],
        ["lead__first_name", "First name"],
        ["lead__last_name", "Last name"],
    ]


@pytest.mark.extended
def test_dropdowns_offer_what_the_workspace_has(program: list[str], open_site: Site) -> None:
    found = run_program(program, "dropdowns", settings_of(open_site))
    lists = found["lists"]
    assert lists["stages"][0].startswith(f"{lists['pipelines'][0]}: ")
    assert "zap-tag" in lists["tags"]
    assert "custom_field_zap field" in found["custom"]
    assert (found["beyond"], found["note"][0]) == ([], True)
    assert found["task"] == [True, "2027-01-02T07:00:00+00:00"]


@pytest.mark.extended
def test_types_of_the_app_fit_zapiers(folder: Path) -> None:
    tsc = page_tool("tsc")
    if tsc is None:
        pytest.skip(NO_NODE_REASON)
    found = subprocess.run([tsc, "--project", str(folder)], capture_output=True, text=True, check=False, timeout=120)
    assert found.stdout == ""
