"""What the user has set: defaults, over them the project's file, the environment, and overrides.

Every value remembers where it was set, so that an error can say where to go and change it.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from alonzo._errors import SettingsError
from alonzo._task_settings import Ways, check_task_options, options_for
from alonzo._typed import (
    Text,
    convert,
    folded_name,
    nearest,
    schema,
    shown,
    shown_with_type,
    typed,
)

T = TypeVar("T")

Override = str | Mapping[str, Any] | tuple[str, str | Mapping[str, Any]]
SWITCHES = frozenset({"ALONZO_CONFIG", "ALONZO_DISABLE_PLUGINS", "ALONZO_ONLY_PLUGINS"})
"""Environment variables of the engine that are not settings."""


def _setting(purpose: str, default: Any = None) -> Any:
    return attrs.field(default=default, metadata={"help": purpose})


def _setting_table(purpose: str) -> Any:
    return attrs.field(factory=dict, metadata={"help": purpose})


@attrs.frozen
class Settings:
    """All settings, checked, but for the options of plugins and executors: see `table`."""

    store: str | None = _setting("where memo and record are kept, a URL such as sqlite:rel/path")
    values: str | None = _setting("where values of more than 64 KiB are kept, a URL")
    executor: str | None = _setting("a kind of executor, or the NAME of an [executors.NAME]")
    workers: int | None = _setting("the width of every local executor")
    project: tuple[str, ...] = _setting("distributions that are project code though installed", ())
    track_distributions: tuple[str, ...] = _setting("libraries whose versions count", ())
    trust: bool = _setting("decode a database owned by another user", False)
    check_pure: bool = _setting("name tasks that touch more than their arguments", False)
    executors: Mapping[str, Mapping[str, Any]] = _setting_table("kind and options, by name")
    plugins: Mapping[str, Mapping[str, Any]] = _setting_table("each plugin's own settings")
    limits: Mapping[str, int] = _setting_table("capacities, by name")
    context: Mapping[str, Any] = _setting_table("what tasks may look up")
    tasks: Mapping[str, Mapping[str, Any]] = _setting_table("options of tasks, by pattern")
    options: Mapping[str, Mapping[str, Any]] = _setting_table("the same, over whatever the program says")
    impure: Mapping[str, tuple[str, ...]] = _setting_table("what check_pure lets tasks do, by pattern")
    root: Path = attrs.field(factory=Path.cwd)
    origin: Mapping[str, str] = attrs.field(factory=dict)
    """Dotted key -> where it was set: `alonzo.toml`, `ALONZO_STORE`, `--set`, `run(store=...)`."""

    def table(self, cls: type[T], *path: str, leave_out: Collection[str] = ()) -> T:
        """The table at `path`, such as `"plugins", "files"`, as an instance of an attrs class.

        A table that nobody wrote is an empty one. `leave_out` are keys that are not the class's
        business, such as `kind`. Raises SettingsError that names origin, table and key.
        """
        raw: Any = getattr(self, path[0])
        for part in path[1:]:
            raw = raw.get(part, {})
        own = {key: value for key, value in raw.items() if key not in leave_out}
        origins = {key: self.set_by(*path, key) for key in own}
        return typed(cls, own, where=f"[{dotted(path)}]", origins=origins)

    def set_by(self, *path: str) -> str:
        """Where the setting or table at `path` was set, for messages; commas between several."""
        name = dotted(path)
        found = [by for key, by in self.origin.items() if key == name or key.startswith(f"{name}.")]
        return ", ".join(dict.fromkeys(found)) or "the defaults"

    def task_options(self, full_name: str) -> dict[str, Any]:
        """The options that `[tasks."PATTERN"]` give a task: over those of its decorator.

        Of several patterns that match, the longest decides each option. Raises SettingsError when
        a class that `retry_on` names is not to be had.
        """
        return options_for(full_name, self.tasks)

    def forced_options(self, full_name: str) -> dict[str, Any]:
        """The options that are over all others: the command line's `--option`, `run(options=...)`."""
        return options_for(full_name, self.options)

    @property
    def ways(self) -> Ways:
        """How the tasks' calls say that external values are to be inspected."""
        return Ways(self.tasks, self.options)

    @property
    def for_workers(self) -> dict[str, Any]:
        """What of these a worker process must know; it pickles."""
        ways = self.ways
        return {
            "project": self.project,
            "root": str(self.root),
            "track_distributions": self.track_distributions,
            "check_pure": self.check_pure,
            "impure": self.impure,
            "ways": (ways.tasks, ways.options),
        }

    def changed(self, overrides: Mapping[str, Any] | Sequence[Override]) -> Settings:
        """These settings with others over them, checked as `load_settings` does."""
        merged = _Merged(_kinds())
        merged.tree = {key: _thawed(getattr(self, key)) for key in merged.kinds}
        for origin, tree in _overrides(overrides):
            merged.add(tree, origin)
        new = {dotted(path): origin for path, origin in merged.origins.items()}
        kept = {key: origin for key, origin in self.origin.items() if not any(_overlap(key, other) for other in new)}
        return Settings(**merged.tree, root=self.root, origin={**kept, **new})


@attrs.frozen
class Project:
    """Where a project's settings and private files belong, and its settings file, if any."""

    root: Path
    file: Path | None


def load_settings(
    *,
    start: Path | None = None,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | Sequence[Override] = (),
) -> Settings:
    """The settings for a program that runs in `start` (the working directory).

    `file` or `ALONZO_CONFIG` names the file and makes its directory the root; else `find_project`
    decides. In `environ` (`os.environ`), an empty variable counts as unset. `overrides` are nested
    tables, in which a top-level None counts as not given, or `KEY=VALUE`, or one of these after the
    name that it has in messages. Raises SettingsError, in one line that says where, for whatever is
    wrong.
    """
    environ = os.environ if environ is None else environ
    start = Path.cwd() if start is None else start
    project, name = _chosen(start, file, environ)
    merged = _Merged(_kinds())
    if project.file:
        merged.add(*_read_settings(project.file, name))
    variables = [name for name in environ if name.startswith("ALONZO_") and name not in SWITCHES]
    for name in sorted(variables, key=lambda name: (name.count("__"), name)):
        if environ[name]:
            merged.add(_nested(merged.spelled(name), Text(environ[name])), name)
    for origin, tree in _overrides(overrides):
        merged.add(tree, origin)
    origins = {dotted(path): origin for path, origin in merged.origins.items()}
    return Settings(**merged.tree, root=project.root, origin=origins)


def find_project(start: Path) -> Project:
    """The nearest directory with `alonzo.toml`, or `pyproject.toml` with `[tool.alonzo]`.

    `start`, as a rule the working directory, is looked at first, then its ancestors; where none
    has such a file, it is the root itself. Raises SettingsError when a pyproject.toml cannot be
    read, or one that mentions Alonzo cannot be parsed.
    """
    start = start.resolve()
    for directory in (start, *start.parents):
        for file in (directory / "alonzo.toml", directory / "pyproject.toml"):
            # Path.is_file raises in a directory that may not be searched.
            if os.path.isfile(file) and (file.name == "alonzo.toml" or _is_of_project(file)):  # noqa: PTH113
                return Project(directory, file)
    return Project(start, None)


def private_directory(root: Path) -> Path:
    """The directory `.alonzo` in `root`, made if need be: for its owner alone, and ignored by git.

    One that exists keeps its mode. Raises SettingsError when it cannot be made.
    """
    directory = root / ".alonzo"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        with (
            contextlib.suppress(FileExistsError),
            (directory / ".gitignore").open("x", encoding="utf-8") as file,
        ):
            file.write("*\n")
    except FileExistsError as error:
        raise SettingsError(f"{directory}: expected a directory, found something else") from error
    except OSError as error:
        raise SettingsError(f"{directory}: cannot be made: {error.strerror}") from error
    return directory


def dotted(path: Sequence[str]) -> str:
    """A path of keys as TOML writes it: `tasks."flow.*".cache`."""
    return ".".join(key if re.fullmatch("[A-Za-z0-9_-]+", key) else shown(key) for key in path)


@attrs.define
class _Merged:
    """The settings so far; each `add` is checked by itself, and wins over the ones before."""

    kinds: Mapping[str, Any]
    tree: dict[str, Any] = attrs.field(factory=dict)
    origins: dict[tuple[str, ...], str] = attrs.field(factory=dict)

    def add(self, tree: Mapping[str, Any], origin: str) -> None:
        checked = {key: self._checked(key, value, origin) for key, value in tree.items()}
        self._merge(self.tree, checked, (), origin)

    def spelled(self, variable: str) -> list[str]:
        """The path of keys that a variable's name means, spelled as they are so far."""
        path: list[str] = []
        known: Any = {key: self.tree.get(key, {}) for key in self.kinds}
        for part in variable.removeprefix("ALONZO_").split("__"):
            if not part:
                raise SettingsError(f"{variable}: a name is missing between underscores")
            # Plugins are named as distributions are, with hyphens, which a variable cannot have.
            new = part.lower().replace("_", "-") if path == ["plugins"] else part.lower()
            path.append(next((key for key in known if folded_name(key) == folded_name(part)), new))
            below = known.get(path[-1])
            known = below if isinstance(below, dict) else {}
        return path

    def _checked(self, key: str, value: Any, origin: str) -> Any:
        if key not in self.kinds:
            raise SettingsError(f"{origin}: unknown key {shown(key)}{nearest(key, self.kinds)}")
        kind = self.kinds[key]
        where = f"{origin}: [{key}]" if key in _TABLES else f"{origin}: {key}"
        value = convert(value, kind, where=where)
        if key == "workers" and value is not None and value < 1:
            raise SettingsError(f"{where}: expected at least 1, not {value}")
        if key == "limits":
            _check_limits(value, where)
        if key == "executors":
            return {name: _with_kind(table, f"{origin}: [{dotted((key, name))}]") for name, table in value.items()}
        if key in ("tasks", "options"):
            return {
                pattern: check_task_options(table, f"{origin}: [{dotted((key, pattern))}]")
                for pattern, table in value.items()
            }
        return value

    def _merge(self, into: dict[str, Any], tree: Mapping[str, Any], path: tuple[str, ...], origin: str) -> None:
        for key, value in tree.items():
            here = (*path, key)
            is_table = isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
            if not is_table or not isinstance(into.get(key), dict):
                self._forget(here)
                into[key] = {} if is_table else value
            if not is_table or not value:
                self.origins[here] = origin
            if is_table:
                self._merge(into[key], value, here, origin)

    def _forget(self, path: tuple[str, ...]) -> None:
        for key in [key for key in self.origins if key[: len(path)] == path]:
            del self.origins[key]


_TABLES = ("executors", "plugins", "limits", "context", "tasks", "options", "impure")


def _kinds() -> dict[str, Any]:
    kinds = schema(Settings)
    del kinds["root"], kinds["origin"]
    # Their types are known to plugins only: text stays text until `Settings.table`.
    kinds["executors"] = kinds["plugins"] = kinds["tasks"] = kinds["options"] = Mapping[str, Mapping[str, object]]
    return kinds


def _with_kind(table: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if "kind" not in table:
        return table
    return {**table, "kind": convert(table["kind"], str, where=f"{where}: kind")}


def _check_limits(limits: Mapping[str, int], where: str) -> None:
    for name, capacity in limits.items():
        if capacity < 1:
            raise SettingsError(f"{where}: {name}: expected at least 1, not {capacity}")


def _thawed(value: Any) -> Any:
    """A copy as deep as tables go: tables are merged in place."""
    return {key: _thawed(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _overlap(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}.") or other.startswith(f"{key}.")


def _chosen(start: Path, file: Path | None, environ: Mapping[str, str]) -> tuple[Project, str]:
    """The project, and what its file is called in messages."""
    if file is not None:
        return Project(file.parent.resolve(), file), str(file)
    if switch := environ.get("ALONZO_CONFIG"):
        return Project(Path(switch).parent.resolve(), Path(switch)), f"{switch} (ALONZO_CONFIG)"
    project = find_project(start)
    if project.file is None:
        return project, ""
    is_here = project.root == start.resolve()
    return project, project.file.name if is_here else str(project.file)


def _is_of_project(pyproject: Path) -> bool:
    document = _read(pyproject, str(pyproject), mentions=b"alonzo")
    return _tool_table(document, str(pyproject)) is not None


def _read_settings(file: Path, name: str) -> tuple[Mapping[str, Any], str]:
    document = _read(file, name)
    if file.name != "pyproject.toml":
        return document, name
    table = _tool_table(document, name)
    if table is None:
        raise SettingsError(f"{name}: has no table [tool.alonzo]")
    return table, f"{name} [tool.alonzo]"


def _tool_table(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    tool = document.get("tool")
    table = tool.get("alonzo") if isinstance(tool, dict) else None
    if table is None or isinstance(table, dict):
        return table
    raise SettingsError(f"{name}: [tool.alonzo]: expected a table, not {shown_with_type(table)}")


def _read(file: Path, name: str, *, mentions: bytes = b"") -> dict[str, Any]:
    """The TOML document in `file`, or an empty one when the bytes `mentions` are not in it."""
    import tomllib  # not needed by a program without settings

    try:
        content = file.read_bytes()
        if mentions not in content:
            return {}
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{name}, line {line}: is not UTF-8") from error
    except RecursionError as error:
        raise SettingsError(f"{name}: is nested too deeply") from error
    except ValueError as error:
        raise SettingsError(f"{name}{_position(str(error), content)}") from error


def _position(message: str, content: bytes) -> str:
    """`, line 3, column 7: what is wrong`, from the message of the TOML parser."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if not found:
        return f": {message}"
    problem, line, column = found.groups()
    if line is None:
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
        line, column = len(lines), len(lines[-1]) + 1
    return f", line {line}, column {column}: {problem}"


def _overrides(overrides: Mapping[str, Any] | Sequence[Override]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each override as a tree, with its origin."""
    for override in [overrides] if isinstance(overrides, Mapping | str) else overrides:
        if isinstance(override, tuple):
            origin, given = override
            yield origin, _assignment(given) if isinstance(given, str) else given
            continue
        if isinstance(override, str):
            yield "--set", _assignment(override)
            continue
        for key, value in override.items():
            if value is not None:
                yield f"run({key}=...)", {key: value}


def _assignment(text: str) -> dict[str, Any]:
    """The tree of `KEY=VALUE`, where KEY is dotted and quoted as in TOML."""
    import tomllib  # not needed by a program without settings

    for equals in re.finditer("=", text):
        # An equals sign inside a quoted key leaves a key that does not parse.
        try:
            tree: Any = tomllib.loads(f"{text[: equals.start()]} = 0")
        except ValueError:
            continue
        if not tree:
            break
        path = []
        while isinstance(tree, dict):
            key, tree = next(iter(tree.items()))
            path.append(key)
        return _nested(path, Text(text[equals.end() :]))
    raise SettingsError(
        f"--set {shown(text)}: expected KEY=VALUE, with names that have dots or signs in quotes: "
        'tasks."flow.*".cache=false'
    )


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    tree: dict[str, Any] = value
    return tree
