"""Every generated file of the clients, with the text that it has to have."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

from integrations.codegen.bruno_collection import bruno_sources
from integrations.codegen.operations import client_methods
from integrations.codegen.postman_collection import postman_source
from integrations.codegen.python_models import models_source
from integrations.codegen.python_resources import resources_source
from integrations.codegen.python_sync import sync_source
from integrations.codegen.typescript_resources import resources_source as typescript_resources_source

ROOT = Path(__file__).resolve().parents[2]
PYTHON_PACKAGE = ROOT / "integrations" / "python" / "src" / "leadhub_client"
TYPESCRIPT_SOURCES = ROOT / "integrations" / "typescript" / "src"
POSTMAN_FILE = ROOT / "integrations" / "postman" / "LeadHub.postman_collection.json"
BRUNO_FOLDER = ROOT / "integrations" / "bruno"
OPENAPI_FILE = ROOT / "docs" / "openapi.json"
SYNC_NOTE = "# Generated from {name} by integrations/codegen; do not edit.\n"


@cache
def generated_files() -> dict[Path, str]:
    """Return the texts by file."""
    document = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
    methods = client_methods(document)
    resources = resources_source(methods)
    python = {
        "_models.py": models_source(document, methods),
        "_async_resources.py": resources,
        "_sync_resources.py": sync_source(resources),
        **{
            f"_sync_{name}": SYNC_NOTE.format(name=f"_async_{name}")
            + sync_source((PYTHON_PACKAGE / f"_async_{name}").read_text(encoding="utf-8"))
            for name in ("transport.py", "client.py")
        },
    }
    return {
        **{PYTHON_PACKAGE / name: formatted_python(name, text) for name, text in python.items()},
        TYPESCRIPT_SOURCES / "resources.ts": typescript_resources_source(methods),
        POSTMAN_FILE: postman_source(document),
        **{BRUNO_FOLDER / name: text for name, text in bruno_sources(document).items()},
    }


def leftover_files() -> list[Path]:
    """Return files of Bruno's collection whose operation is gone."""
    return [path for path in BRUNO_FOLDER.glob("**/*.bru") if path not in generated_files()]


def formatted_python(name: str, text: str) -> str:
    """Return the text as the project's formatter and sorter of imports have it."""
    ruff = Path(sys.prefix) / "bin" / "ruff"
    for words in (("check", "--select", "I,F401", "--fix-only", "--quiet"), ("format", "--quiet")):
        command = [ruff, *words, "--stdin-filename", PYTHON_PACKAGE / name, "-"]
        text = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=True).stdout
    return text
