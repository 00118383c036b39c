"""What a run with `check_pure` tells, and the lines that it is to name.

told(call(), impure={...})    the warnings of a run of this in process, which has the settings besides
line_of(__file__, "name")     the number of the line that ends with the comment `# line: name`
Paper(path)                   a file as a value, as alonzo-files has them; its place is not its path
"""

import warnings
from pathlib import Path

import attrs

from alonzo import Runtime
from alonzo.plugin import hookimpl


@attrs.frozen
class Paper:
    """A file as a value."""

    path: str

    def read(self):
        return Path(self.path).read_text()


class Papers:
    kind = "paper"
    kinds = (Paper,)

    def place(self, value):
        return f"paper {value.path}"

    def local_path(self, place):
        return place.removeprefix("paper ")

    def inspect(self, places):
        return [
            path.read_bytes() if (path := Path(place.removeprefix("paper "))).is_file() else None for place in places
        ]


class Plugin:
    @hookimpl
    def alonzo_inspectors(self):
        return [Papers()]


def told(expression, **settings):
    """The warnings of a run of this."""
    with Runtime(
        store="memory:", executor="inprocess", plugins=[Plugin()], settings={"check_pure": True, **settings}
    ) as runtime:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runtime.run(expression)
        return runtime.last.warnings


def line_of(file, name):
    """The number of the line of this file that is marked so."""
    lines = Path(file).read_text("utf-8").splitlines()
    (found,) = [number for number, line in enumerate(lines, 1) if line.endswith(f"  # line: {name}")]
    return found
