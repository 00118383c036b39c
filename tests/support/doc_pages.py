"""Documentation as programs: the blocks of a Markdown page, run in order in one directory.

A fenced block is run by its language. A comment on the line before the fence changes that:

    <!-- file: flow.py -->     the block is written to this file
    <!-- not run: reason -->   the block is only shown

python    one module per page, statement by statement. A comment on a statement's last line states what is to come of it:
          `# -> 42` its value's repr, `# raises TypeError: text` an exception of that class (or base) whose message contains the text
console   `$ alonzo …`, `$ python …`, `$ rm …`, `$ echo $?`; the lines below a command are looked for in its output, in order
sql       run against .alonzo/alonzo.db; must give rows
toml      loaded as settings
text      shown

In expected text `…` stands for anything; times, dates and digests are not compared.
"""

import ast
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {"python", "console", "sql", "toml", "text"}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (file|not run): (.+?) -->\n\Z")
_STATED = re.compile(r"# (->|raises) (.+)$")
_LOOSE = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z)?", "TIME"),
    (r"\d[\d,]*(\.\d+)? (ms|s|min)\b", "TIME"),
    (r"\b[0-9a-f]{32}\b", "DIGEST"),
)


def pages():
    """All pages of the documentation, by their path from the root."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {str(path.relative_to(ROOT)): path for path in found}


@dataclass
class Block:
    """A fenced block: language, text, the line of its first line of text, and the comment before it."""

    language: str
    text: str
    line: int
    file: str = ""
    why_not: str = ""


def blocks(markdown):
    """The fenced blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(markdown):
        mark = _MARK.search(markdown, 0, match.start())
        kind, said = mark.groups() if mark else ("", "")
        line = markdown.count("\n", 0, match.start()) + 2
        found.append(Block(match[1], match[2], line, said if kind == "file" else "", said if kind == "not run" else ""))
    return found


def prose(markdown):
    """The page without its fenced blocks."""
    return _FENCE.sub("", markdown)


def headings(markdown):
    """The headings of a page, without their marks."""
    return [match[1].strip() for match in re.finditer(r"^#+ (.+)$", prose(markdown), re.MULTILINE)]


class Page:
    """One page's program. `where` is an empty directory, and the working directory."""

    def __init__(self, markdown, where, name="flow"):
        self.blocks = blocks(markdown)
        self.where = where
        self.name = name
        self.ran = 0
        self._code = 0

    def run(self):
        """Run every block.

        Raises:
            AssertionError: something came out otherwise than the page says; with the line of the page.
        """
        module = self._module()
        for block in self.blocks:
            if block.why_not or (block.language == "text" and not block.file):
                continue
            self.ran += 1
            if block.file:
                path = self.where / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                self._python(block, module)
            elif block.language == "console":
                self._console(block)
            elif block.language == "sql":
                self._sql(block)
            elif block.language == "toml":
                self._toml(block)
            else:
                raise AssertionError(f"line {block.line}: nothing runs a block of {block.language!r}")

    # -- Python ----------------------------------------------------------------------------------

    def _module(self):
        """The module that the page's Python is: a file with its text where it stands in the page, so that code has its source."""
        lines = []
        for block in self._own():
            lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
        path = self.where / f"{self.name}.py"
        module = types.ModuleType(self.name)
        module.__file__ = str(path)
        if lines:
            taken = [block.line for block in self.blocks if block.file == path.name]
            assert not taken, f"line {taken[0]}: {path.name} is the page's own program: name the file otherwise"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            sys.modules[self.name] = module
        return module

    def _own(self):
        return [block for block in self.blocks if block.language == "python" and not (block.file or block.why_not)]

    def _python(self, block, module):
        source = "\n" * (block.line - 1) + block.text
        lines = source.splitlines()
        statements = ast.parse(source, module.__file__).body
        stated = {number for number, line in enumerate(lines, 1) if _STATED.search(line)}
        beyond = stated - {statement.end_lineno for statement in statements}
        assert not beyond, f"line {min(beyond)}: what comes of a statement inside another is not looked at: use assert"
        for statement in statements:
            self._statement(statement, lines[statement.end_lineno - 1], module)

    def _statement(self, statement, last_line, module):
        at = f"line {statement.lineno}"
        wanted = _STATED.search(last_line)
        try:
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), module.__file__, "eval"), vars(module))
            else:
                exec(compile(ast.Module([statement], []), module.__file__, "exec"), vars(module))
                value = None
        except Exception as error:
            if wanted is None or wanted[1] != "raises":
                raise AssertionError(f"{at}: {type(error).__name__}: {error}") from error
            name, _, text = wanted[2].partition(": ")
            names = [kind.__name__ for kind in type(error).__mro__]
            assert name in names, f"{at}: raised {names[0]}, not {name}: {error}"
            assert _pattern(text, whole=False).search(_loose(str(error))), f"{at}: raised {error}"
            return
        if wanted is not None:
            assert wanted[1] == "->", f"{at}: nothing was raised"
            assert _pattern(wanted[2]).fullmatch(_loose(repr(value))), f"{at}: {value!r}"

    # -- the rest --------------------------------------------------------------------------------

    def _console(self, block):
        command, expected, line = None, [], block.line
        for offset, text in enumerate([*block.text.splitlines(), "$"]):
            if not text.startswith("$"):
                assert command is not None, f"line {block.line + offset}: output without a command"
                expected.append(text)
                continue
            if command is not None:
                following = text.removeprefix("$").strip()
                self._command(command, expected, line, any_code=following == "echo $?")
            command, expected, line = text.removeprefix("$").strip(), [], block.line + offset

    def _command(self, command, expected, line, *, any_code):
        words = shlex.split(command, comments=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ALONZO")}
        environment |= {"NO_COLOR": "1", "COLUMNS": "120", "PYTHONUTF8": "1"}
        # Pages edit a file within a second and without changing its size; Python takes its compiled form for current then.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        while "=" in words[0]:
            key, _, value = words.pop(0).partition("=")
            environment[key] = value
        if words[0] == "echo":
            assert expected == [str(self._code)], f"line {line}: the exit code was {self._code}"
            return
        if words[0] == "rm":
            for name in words[1:]:
                (self.where / name).unlink()
            return
        program = {"alonzo": ["-m", "alonzo_cli"], "python": []}[words[0]]
        done = subprocess.run(
            [sys.executable, *program, *words[1:]],
            cwd=self.where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        self._code = done.returncode
        assert any_code or done.returncode == 0, f"line {line}: exit code {done.returncode}:\n{done.stdout}"
        _compare(expected, done.stdout, f"line {line}")

    def _sql(self, block):
        connection = sqlite3.connect(self.where / ".alonzo" / "alonzo.db")
        try:
            rows = connection.execute(block.text).fetchall()
        finally:
            connection.close()
        assert rows, f"line {block.line}: no rows"

    def _toml(self, block):
        from alonzo.plugin import load_settings

        file = self.where / "shown.toml"
        file.write_text(block.text, encoding="utf-8")
        load_settings(file=file, environ={})
        file.unlink()


def _compare(expected, output, at):
    """Each expected line is in the output, in order."""
    lines = [_loose(line) for line in output.splitlines()]
    place = 0
    for wanted in expected:
        if wanted.strip() in ("", "…"):
            continue
        pattern = _pattern(wanted)
        found = next((n for n in range(place, len(lines)) if pattern.fullmatch(lines[n])), None)
        assert found is not None, f"{at}: no line {wanted!r} after line {place} of:\n{output}"
        place = found + 1


def _loose(text):
    for pattern, word in _LOOSE:
        text = re.sub(pattern, word, text)
    return " ".join(text.split())


def _pattern(wanted, *, whole=True):
    parts = [re.escape(part) for part in _loose(wanted).split("…")]
    return re.compile(".*".join(parts), re.DOTALL if not whole else 0)
