"""The house style, as far as a program can check it and ruff does not."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SRC: Final = ROOT / "src"

MAX_FUNCTION_LINES: Final = 70
MAX_FILE_LINES: Final = 600
MAX_POSITIONAL_PARAMETERS: Final = 4

# A name that says nothing about what is inside.
EMPTY_NAMES: Final = frozenset({
    "common", "data", "helper", "helpers", "info", "manager", "managers", "misc", "util", "utils",
})  # fmt: skip

# The places where any failure at all is turned into an answer, so that one request, message
# or task never ends the process, and how many there may be of each: the Placement API and
# the native API have two formats of error; the exit code of the status check is a contract;
# what is begun on the loop hands its failure to whoever waits for it, as a thread does.
# Such an except carries `# fence: <name>` on its own line. Elsewhere, catch what you can
# name, or raise again at the end.
FENCES: Final = {
    "http": 2, "bus": 1, "task": 1, "writer": 3, "status": 1, "background": 1, "loop": 1,
    "desk": 1,
}  # fmt: skip
FENCE_COMMENT: Final = re.compile(r"#\s*fence:\s*(\w+)")
BROAD: Final = frozenset({"Exception", "BaseException"})

# Put together here, so that this file does not contain what it forbids.
UNFINISHED: Final = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b")
OUTSIDE_PATH: Final = re.compile(r"(?:\.\.|/work)/" + "shared")

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """One source file: its path below src, its text and its syntax tree."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.tree = ast.parse(text, filename=path)
        self.nodes = list(ast.walk(self.tree))

    def functions(self) -> Iterator[AnyFunction]:
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def modules() -> tuple[Module, ...]:
    paths = sorted(SRC.rglob("*.py"))
    return tuple(Module(str(p.relative_to(SRC)), p.read_text("utf-8")) for p in paths)


@cache
def tracked_texts() -> tuple[tuple[str, str], ...]:
    """Give path and text of every file in git that is text; a lock file says nothing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    texts = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if name == "uv.lock" or not path.is_file():
            continue
        raw = path.read_bytes()
        if b"\0" not in raw:
            texts.append((name, raw.decode("utf-8")))
    return tuple(texts)


def long_functions(module: Module) -> Iterator[str]:
    for function in module.functions():
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > MAX_FUNCTION_LINES:
            yield f"{function.lineno}: {function.name} has {length} lines"


def long_files(module: Module) -> Iterator[str]:
    if len(module.lines) > MAX_FILE_LINES:
        yield f"1: {len(module.lines)} lines"


def many_positional_parameters(module: Module) -> Iterator[str]:
    for function in module.functions():
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        if names[:1] in (["self"], ["cls"]):
            del names[0]
        if len(names) > MAX_POSITIONAL_PARAMETERS:
            yield f"{function.lineno}: {function.name} has {len(names)} positional parameters"


def empty_names(module: Module) -> Iterator[str]:
    for part in Path(module.path).with_suffix("").parts:
        if EMPTY_NAMES.intersection(part.split("_")):
            yield f"1: {part} is no name"


def no_docstring(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield "1: the module has no docstring"


def is_broad(expression: ast.expr | None) -> bool:
    if expression is None:
        return True
    names = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return any(isinstance(name, ast.Name) and name.id in BROAD for name in names)


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def fence_names(module: Module) -> Iterator[tuple[int, str | None]]:
    """Give line and fence name (None: it has none) of each except that swallows anything."""
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type) and not raises_again(node):
            found = FENCE_COMMENT.search(module.lines[node.lineno - 1])
            yield node.lineno, found.group(1) if found else None


def broad_excepts(module: Module) -> Iterator[str]:
    for line, name in fence_names(module):
        if name not in FENCES:
            yield f"{line}: except Exception away from the fences"
    for call in calls(module, "suppress"):
        if any(is_broad(argument) for argument in call.args):
            yield f"{call.lineno}: suppress(Exception)"


def calls(module: Module, name: str) -> Iterator[ast.Call]:
    for node in module.nodes:
        if isinstance(node, ast.Call):
            called = node.func
            last = called.attr if isinstance(called, ast.Attribute) else None
            if name in {last, called.id if isinstance(called, ast.Name) else None}:
                yield node


def prints(module: Module) -> Iterator[str]:
    if module.path.startswith("innkeeper/cli/"):
        return
    for call in calls(module, "print"):
        if isinstance(call.func, ast.Name):
            yield f"{call.lineno}: print() outside of cli"


def asserts(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Assert):
            yield f"{node.lineno}: assert (python -O removes it: raise instead)"


def global_statements(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: global {', '.join(node.names)}"


Rule = Callable[[Module], Iterator[str]]

RULES: Final[tuple[Rule, ...]] = (
    asserts,
    broad_excepts,
    empty_names,
    global_statements,
    long_files,
    long_functions,
    many_positional_parameters,
    no_docstring,
    prints,
)

# One source per rule that breaks it, and nothing else than it.
BROKEN: Final[dict[Rule, tuple[str, str]]] = {
    asserts: ("a.py", '"""Doc."""\nassert True\n'),
    broad_excepts: ("a.py", '"""Doc."""\ntry:\n    pass\nexcept (OSError, Exception):\n    pass\n'),
    empty_names: ("innkeeper/string_utils.py", '"""Doc."""\n'),
    global_statements: ("a.py", '"""Doc."""\ndef f():\n    global x\n    x = 1\n'),
    long_files: ("a.py", '"""Doc."""\n' + "x = 1\n" * MAX_FILE_LINES),
    long_functions: ("a.py", '"""Doc."""\ndef f():\n' + "    x = 1\n" * MAX_FUNCTION_LINES),
    many_positional_parameters: ("a.py", '"""Doc."""\ndef f(a, b, c, d, e, *, g): ...\n'),
    no_docstring: ("a.py", "x = 1\n"),
    prints: ("innkeeper/api/a.py", '"""Doc."""\nprint()\n'),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_keeps(rule: Rule) -> None:
    assert [f"src/{m.path}:{broken}" for m in modules() for broken in rule(m)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_finds_what_breaks_it_and_only_that(rule: Rule) -> None:
    module = Module(*BROKEN[rule])
    assert [other for other in RULES if list(other(module))] == [rule]


def test_no_fence_stands_more_often_than_it_may() -> None:
    places: dict[str, list[str]] = {}
    for module in modules():
        for line, name in fence_names(module):
            if name in FENCES:
                places.setdefault(name, []).append(f"src/{module.path}:{line}")
    assert {n: found for n, found in places.items() if len(found) > FENCES[n]} == {}


def test_a_fence_and_a_cleanup_that_raises_again_are_allowed() -> None:
    fence = "try:\n    pass\nexcept Exception:  # fence: http\n    pass\n"
    cleanup = "try:\n    pass\nexcept BaseException:\n    pass\n    raise\n"
    assert list(broad_excepts(Module("a.py", fence + cleanup))) == []


@pytest.mark.parametrize(
    ("pattern", "sample"),
    [(UNFINISHED, "# TO" + "DO: later"), (OUTSIDE_PATH, "see ../" + "shared/notes")],
    ids=["unfinished", "outside path"],
)
def test_no_tracked_file_has(pattern: re.Pattern[str], sample: str) -> None:
    assert pattern.search(sample)
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked_texts()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []
