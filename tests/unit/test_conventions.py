"""The conventions of the code base, which CONTRIBUTING.md explains: names, layout, documents, dependencies."""

import ast
import math
import re
import shutil
import subprocess
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.support.source_tree import DOCUMENTS, PRODUCT, ROOT, python_files, shown, text_of, tree_of

pytestmark = pytest.mark.unit
SUBJECTS_CHECKED = 50  # commits

# Several folders have a module of this name, each of the same kind.
REPEATED_MODULE_NAMES = {
    "app": "the composition of a service",
    "batch": "the endpoint that takes a batch, and the batch of a worker",
    "context": "what a service keeps during its lifetime",
    "definition": "what may be saved as an automation, and as a form",
    "handlers": "the requests of the gateway, and those of the documentation",
    "idempotency": "the gateway looks keys up, ingest decides",
    "schemas": "of the gateway's bodies, and of the OpenAPI document",
    "types": "values that the modules of a package pass to each other",
}
# A noun has a module of the same name in each of these.
NOUN_FOLDERS = (
    *(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("services/console/*/routes.py")),
    "services/api/resources",
    "services/api/schemas",
    "services/api",
    "shared/models",
    "shared",
    "cli",
)

# Modules of shared/ that one service alone uses, each with the reason why it stays there.
ONE_SERVICE_MODULES = {
    "shared.auth.operator_accounts": "accounts lie together, whether the console or the command line makes them",
    "shared.auth.sign_in": "accounts lie together, whether the console or the command line makes them",
    "shared.automations.automation_drafts": "drafts lie beside the automations that they become",
    "shared.automations.step_rehearsal": "it lies beside the steps that it takes without effect",
    "shared.operations.settings_display": "it belongs to the report on the installation",
    "shared.operations.system_report": "the report on the installation lies beside what it reads",
    "shared.operations.overview_verdict": "it judges an overview, which the API reads as well",
    "shared.platform.web.fast_path.connection": "it lies beside the connection on which it stands",
    "shared.platform.web.fast_path.heads": "it lies beside the connection that remembers heads",
    "shared.platform.web.fast_path.self_check": "it lies beside what it checks",
}

# Dependencies that nothing imports, each with its reason.
NOT_IMPORTED: dict[str, str] = {}
IMPORT_NAMES = {
    "argon2-cffi": "argon2",
    "phonenumberslite": "phonenumbers",
    "pyjwt": "jwt",
    "python-dotenv": "dotenv",
    "python-jsonpath": "jsonpath",
}

GLOSSARY = (
    *("journal", "spool", "lane", "flush", "hint", "sweeper", "ledger", "verdict", "drain", "attempt", "circuit"),
    *("delivery", "identity", "merge", "run", "step"),
)
BANNED_WORDS = ("heeds", "bequeath", "bequeaths", "kin", "heir", "heirs", "dear", "dawdles", "anew", "bears")
# Citations of pages that no clone has. What clients see stands in docs/openapi.json and in the pages of docs/.
FOREIGN_PAGE = re.compile(
    r"\b(contract|design|house|proof)\.md\b|\bcontract('s)? (sections?\b|\d)|\bsections? \d+ of the contract\b",
    re.IGNORECASE,
)
ODD_OPENING = re.compile(r"(What|Whatever|Who|Whoever|Whom|Whose|Which|Of|One|Those|How|Why)\b")


def module_of(path: Path) -> str:
    return shown(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[Path, ast.AST]]:
    for path in python_files(*PRODUCT):
        yield from ((path, node) for node in ast.walk(tree_of(path)) if isinstance(node, kinds))


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield path, node


def class_names() -> list[str]:
    return [node.name for _, node in nodes(ast.ClassDef) if isinstance(node, ast.ClassDef)]


def constants(path: Path) -> Iterator[str]:
    for node in tree_of(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (x.id for x in targets if isinstance(x, ast.Name) and re.fullmatch(r"_?[A-Z][A-Z0-9_]*", x.id))


def imports(path: Path) -> Iterator[str]:
    """Modules and names that a module imports, with their full names."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def share(names: list[str], is_one_word: Callable[[str], bool]) -> float:
    return sum(map(is_one_word, names)) / len(names)


def is_one_word(name: str) -> bool:
    return "_" not in name.strip("_")


def is_one_hump(name: str) -> bool:
    return len(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)) <= 1


def test_class_names_are_unique() -> None:
    assert [name for name, times in Counter(class_names()).items() if times > 1] == []


def test_module_names_are_unique() -> None:
    found = defaultdict(list)
    for path in python_files(*PRODUCT):
        if path.stem != "__init__" and str(path.parent.relative_to(ROOT)) not in NOUN_FOLDERS:
            found[path.stem].append(shown(path))
    repeated = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert {name: paths for name, paths in repeated.items() if name not in REPEATED_MODULE_NAMES} == {}
    assert set(REPEATED_MODULE_NAMES) <= set(repeated), "no longer repeated"


def test_most_names_have_two_words() -> None:
    names = [node.name for _, node in functions() if not node.name.startswith("__")]
    assert share(names, is_one_word) <= 0.3
    assert share(class_names(), is_one_hump) <= 0.2
    assert share([name for path in python_files(*PRODUCT) for name in constants(path)], is_one_word) <= 0.25


def test_imported_constants_have_two_words() -> None:
    modules = {module_of(path): set(constants(path)) for path in python_files(*PRODUCT)}
    found = [
        f"{shown(path)}: {alias.name}"
        for path in python_files(*PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in modules.get(node.module or "", ()) and is_one_word(alias.name)
    ]
    assert found == []


def test_docstrings_open_with_their_subject() -> None:
    texts = [ast.get_docstring(tree_of(path)) for path in python_files(*PRODUCT)]
    texts += [ast.get_docstring(node) for _, node in functions()]
    texts += [ast.get_docstring(node) for _, node in nodes(ast.ClassDef) if isinstance(node, ast.ClassDef)]
    written = [text for text in texts if text]
    odd = [text.splitlines()[0] for text in written if ODD_OPENING.match(text)]
    assert len(odd) <= 0.05 * len(written), odd


def test_files_and_functions_are_short() -> None:
    assert [
        shown(path) for path in python_files(*PRODUCT, "tests", "bench") if len(text_of(path).splitlines()) > 350
    ] == []
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for _, node in functions())
    assert lengths[int(0.99 * len(lengths))] <= 40


@pytest.mark.parametrize("service", ["console", "workers"])
def test_modules_of_a_service_lie_in_folders(service: str) -> None:
    assert len(list((ROOT / "services" / service).glob("*.py"))) <= 12


def test_modules_of_shared_have_two_users() -> None:
    """Code lives in the service that runs it, and moves down when a second one needs it."""
    modules = {module_of(path): {*imports(path)} for path in python_files(*PRODUCT)}
    users: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        part = ".".join(module.split(".")[: 2 if module.startswith("services.") else 1])
        if part in ("shared", "services"):
            continue
        seen: set[str] = set()
        left = [module]
        while left:
            for name in modules[left.pop()] & modules.keys() - seen:
                seen.add(name)
                # The command line starts the services: what they use is not its own.
                if not (part == "cli" and name.startswith("services.")):
                    left.append(name)
        for name in seen:
            users[name].add(part)
    alone = {
        name
        for name in modules
        if name.startswith("shared.") and len(users[name]) < 2 and (ROOT / f"{name.replace('.', '/')}.py").exists()
    }
    assert alone == set(ONE_SERVICE_MODULES)


def test_paths_that_documents_and_docstrings_name_exist() -> None:
    roots = tuple(f"{name}/" for name in "shared services cli demo embedded bench tests docs migrations deploy".split())
    missing = [
        f"{shown(path)}: {named}"
        for path in [*DOCUMENTS, *python_files(*PRODUCT, "bench", "tests", "migrations", "docs")]
        for named in re.findall(r"`([\w./-]+)`", text_of(path))
        if named.startswith(roots) and not (ROOT / named).exists() and not list(ROOT.glob(f"{named}.py"))
    ]
    assert missing == []


def test_no_page_outside_the_repository_is_cited() -> None:
    folders = (*PRODUCT, "bench", "tests", "migrations", "docs")
    templates = chain.from_iterable((ROOT / folder).rglob("*.html") for folder in folders)
    found = [
        f"{shown(path)}: {match[0]}"
        for path in [*DOCUMENTS, *python_files(*folders), *templates, ROOT / "pyproject.toml"]
        for match in FOREIGN_PAGE.finditer(text_of(path))
    ]
    assert found == []


def test_one_module_of_the_tests_reads_outside_the_repository() -> None:
    readers = [shown(path) for path in python_files("tests") if '"shared" / "samples"' in text_of(path)]
    assert readers == ["tests/support/wider_samples.py", "tests/unit/test_conventions.py"]


def test_every_dependency_is_imported() -> None:
    imported = {name.partition(".")[0] for path in python_files(*PRODUCT, "migrations") for name in imports(path)}
    # Wheels that bring programs are found, not imported.
    found = set(re.findall(r'find_spec\("(\w+)"\)', "".join(text_of(path) for path in python_files("embedded"))))
    for requirement in tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["dependencies"]:
        name = re.split(r"[\[<>=;]", requirement)[0]
        assert IMPORT_NAMES.get(name, name.replace("-", "_")) in imported | found | NOT_IMPORTED.keys(), name


def test_bodies_of_requests_are_read_with_bounds() -> None:
    """aiohttp's own readers wait for slow clients and hold what comes: `read_body` and `received_upload` do not."""
    readers = {"post", "read", "text", "json", "multipart"}
    found = [
        f"{shown(path)}:{node.lineno}"
        for path, node in nodes(ast.Attribute)
        if isinstance(node, ast.Attribute)
        and node.attr in readers
        and path.is_relative_to(ROOT / "services")
        and (getattr(node.value, "attr", "") or getattr(node.value, "id", "")) == "request"
    ]
    assert found == []


def test_advisory_locks_have_numbers_of_their_own_in_one_module() -> None:
    locks = ROOT / "shared" / "platform" / "db" / "advisory_locks.py"
    numbers = [
        node.value
        for node in ast.walk(tree_of(locks))
        if isinstance(node, ast.Constant) and isinstance(node.value, int)
    ]
    assert len(numbers) == len(set(numbers)) == len(list(constants(locks)))
    elsewhere = [
        shown(path) for path in python_files(*PRODUCT, "migrations") if "4_712_" in text_of(path) and path != locks
    ]
    assert elsewhere == []


def test_words_of_the_glossary_are_used_and_others_are_not() -> None:
    code = "\n".join(text_of(path) for path in python_files(*PRODUCT)).lower()
    assert [word for word in GLOSSARY if word not in code] == []
    named = re.compile(rf"\b({'|'.join(BANNED_WORDS)})\b", re.IGNORECASE)
    found = [
        f"{shown(path)}: {word}"
        for path in [*DOCUMENTS, *python_files(*PRODUCT)]
        for word in named.findall(text_of(path))
    ]
    assert found == []


def test_deadlines_of_tests_only_end_what_hangs() -> None:
    """A short one fails on a busy machine. What is promised to be quick is measured, see tests/support/timing.py."""
    folders = (path for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "e2e")
    calls = (
        (path, node)
        for path in python_files(*(shown(folder) for folder in folders))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
    )
    assert [f"{shown(path)}:{node.lineno}" for path, node in calls if shortest_deadline(node) < 30] == []


def shortest_deadline(call: ast.Call) -> float:
    """The seconds that a call of `until` or `until_async` states as a number; infinite for all other calls."""
    if not isinstance(call.func, ast.Name) or call.func.id not in ("until", "until_async"):
        return math.inf
    stated = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    numbers = (each.value for each in stated if isinstance(each, ast.Constant))
    return min((number for number in numbers if isinstance(number, int | float)), default=math.inf)


def test_comments_do_not_break_lines() -> None:
    """A comment at the end of a long line makes the formatter break the line. It belongs above."""
    broken = [
        f"{shown(path)}: {line.strip()}"
        for path in python_files(*PRODUCT, "bench", "tests", "migrations")
        for line in text_of(path).splitlines()
        if re.match(r"\s*[)\]}]+[,:]*\s+# (?!noqa|type: |fmt: )", line)
    ]
    assert broken == []


def test_commit_subjects_fit_72_characters() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("there is no history here")
    command = ["git", "log", f"-{SUBJECTS_CHECKED}", "--no-merges", "--format=%s"]
    subjects = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [subject for subject in subjects if len(subject) > 72] == []
