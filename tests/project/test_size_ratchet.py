"""Small files, small functions. The list of exceptions may only shrink."""

import ast
from collections.abc import Iterator

from source_tree import LAYERS, ROOT, Source, sources

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
TEST_FILE_LINES_MAX = 1000

# Name → lines it has. An entry goes when its file or function keeps to the limit, and its number
# goes down with it; nothing is ever added.
EXCEPTIONS: dict[str, int] = {}


def function_lengths(source: Source) -> Iterator[tuple[str, int]]:
    """Yield (file:function, lines without the docstring) of every function."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            first = node.body[0]
            start = node.lineno
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                start += (first.end_lineno or first.lineno) - first.lineno + 1
            yield f"{source.name}:{node.name}", node.end_lineno - start + 1


def too_long() -> dict[str, int]:
    """Return all that is over its limit, with its lines."""
    found = {}
    for source in sources(*LAYERS, "tests", "benchmarks"):
        is_test = source.name.startswith("tests/")
        lines = source.text.count("\n")
        if lines > (TEST_FILE_LINES_MAX if is_test else FILE_LINES_MAX):
            found[source.name] = lines
        lengths = function_lengths(source)
        found |= {name: length for name, length in lengths if length > FUNCTION_LINES_MAX}
    for path in sorted((ROOT / "native").rglob("*.[ch]")):
        name = path.relative_to(ROOT).as_posix()
        lines = path.read_text().count("\n")
        if lines > FILE_LINES_MAX and name != "native/_kernels.c":  # which is generated
            found[name] = lines
    return found


def test_nothing_new_is_too_long() -> None:
    new = {name: lines for name, lines in too_long().items() if lines > EXCEPTIONS.get(name, 0)}
    assert not new, f"one subject per file, one duty per function: {new}"


def test_the_list_only_shrinks() -> None:
    found = too_long()
    stale = {name: lines for name, lines in EXCEPTIONS.items() if found.get(name, 0) < lines}
    assert not stale, f"lower or remove these entries of EXCEPTIONS: {stale}"


def test_lengths_are_counted_without_docstrings() -> None:
    text = 'def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n'
    assert list(function_lengths(Source("x.py", text))) == [("x.py:f", 3)]
