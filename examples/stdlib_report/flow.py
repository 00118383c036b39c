"""A report on the source of Python's standard library: how large, how branchy, who needs whom."""

import ast
import html
import math
import os
import sys
import sysconfig
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from alonzo import run, task
from alonzo_files import File

STDLIB = sysconfig.get_paths()["stdlib"]
STYLE = File(Path(__file__).with_name("style.css"))
SKIPPED = {"__pycache__", "dist-packages", "idlelib", "site-packages", "test", "tests"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)
BRANCHES = (*LOOPS, ast.If, ast.IfExp, ast.ExceptHandler, ast.match_case)


@dataclass
class Summary:
    """A module, or all modules of a package."""

    name: str
    modules: int
    lines: int
    functions: int
    classes: int
    complexity: int  # the sum over its functions
    peak: tuple[int, str]  # its most complex function: complexity and name
    imports: Counter[str]  # how many of its modules import each package


# -- the workflow ---------------------------------------------------------------------------------


@task
def main(out: str = "stdlib_report.html", limit: int | None = None, root: str = STDLIB) -> File:
    """Write a page about the modules in the directory ROOT, or the first LIMIT of them, to OUT."""
    return survey(list_sources(root, limit), root, out)


@task
def list_sources(root: str, limit: int | None, python: str = sys.version) -> list[File]:
    """List the modules' files. PYTHON has the list made again when another Python runs this."""
    found = []
    for directory, below, names in os.walk(root):
        below[:] = [name for name in below if name not in SKIPPED]
        found += [Path(directory, name) for name in names if name.endswith(".py")]
    return [File(path) for path in sorted(found)[:limit]]


@task
def survey(sources: list[File], root: str, out: str) -> File:
    """Analyse each file, sum up each package, and report on all."""
    packages = defaultdict(list)
    for source in sources:
        name = dotted(source, root)
        packages[package_of(name)].append(analyse(name, source))
    summaries = [summarise_package(name, modules) for name, modules in packages.items()]
    return report(summaries, most_depended_on(summaries), out)


@task
def analyse(name: str, source: File) -> Summary:
    """Parse one file and count what is in it."""
    text = source.read_bytes()
    nodes = list(ast.walk(ast.parse(text)))
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    scores = [(complexity(function), f"{name}.{function.name}") for function in functions]
    return Summary(
        name=name,
        modules=1,
        lines=len(text.splitlines()),
        functions=len(functions),
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
        complexity=sum(score for score, _ in scores),
        peak=max(scores, default=(0, "")),
        imports=Counter(imports(nodes)),
    )


@task
def summarise_package(name: str, modules: list[Summary]) -> Summary:
    """Sum up the modules of one package."""
    counts = ("modules", "lines", "functions", "classes", "complexity")
    sums = {count: sum(getattr(module, count) for module in modules) for count in counts}
    peak = max(module.peak for module in modules)
    return Summary(name, **sums, peak=peak, imports=sum((m.imports for m in modules), Counter()))


@task
def most_depended_on(packages: list[Summary], top: int = 20) -> list[tuple[str, int]]:
    """Rank packages by how many modules of other packages import them."""
    needed = Counter()
    for package in packages:
        needed.update({name: n for name, n in package.imports.items() if name != package.name})
    return sorted(needed.items(), key=lambda pair: (-pair[1], pair[0]))[:top]


@task
def report(packages: list[Summary], ranking: list[tuple[str, int]], out: str, style: File = STYLE) -> File:
    """Write the page."""
    largest = sorted(packages, key=lambda package: -package.lines)[:20]
    peaks = sorted((p.peak for p in packages if p.functions), reverse=True)[:20]
    charts = {
        "Most depended on: modules of other packages that import it": bars(ranking),
        "Largest packages: lines": bars([(p.name, p.lines) for p in largest]),
        "Most complex function of a package": bars([(name, score) for score, name in peaks]),
        "Packages by lines (to the right) and mean complexity (up)": dots(packages),
    }
    file = File(out)
    file.write_text(page(packages, charts, style.read_text()))
    return file


# -- counting -------------------------------------------------------------------------------------


def dotted(file: File, root: str) -> str:
    """The name under which the file is imported."""
    return ".".join(Path(file).relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def package_of(name: str) -> str:
    return name.partition(".")[0]


def complexity(function: ast.AST) -> int:
    """One, and one more for each place where the function may go two ways (after McCabe)."""
    nodes = list(ast.walk(function))
    operands = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    return 1 + operands + sum(isinstance(node, BRANCHES) for node in nodes)


def imports(nodes: list[ast.AST]) -> list[str]:
    """The packages that are imported, each once; relative imports stay inside the package."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(package_of(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(package_of(node.module))
    return sorted(found - {"__future__"})


# -- drawing --------------------------------------------------------------------------------------


def bars(rows: list[tuple[str, int]]) -> str:
    """A bar for each row, as SVG."""
    left = 12 + 8 * max((len(name) for name, _ in rows), default=0)
    scale = (620 - left) / max([1, *(value for _, value in rows)])
    marks = []
    for y, (name, value) in zip(range(0, 24 * len(rows), 24), rows, strict=True):
        end = left + scale * value
        marks.append(f'<text class="name" x="{left - 8}" y="{y + 17}">{html.escape(name)}</text>')
        marks.append(f'<path d="M {left} {y + 12} H {end:.1f}"/>')
        marks.append(f'<text x="{end + 6:.1f}" y="{y + 17}">{value:,}</text>')
    return svg(marks, 24 * len(rows))


def dots(packages: list[Summary]) -> str:
    """A dot for each package, as SVG; both axes are logarithmic."""
    marks = [f'<text x="{150 * n - 100}" y="420">{10**n:,} lines</text>' for n in (1, 2, 3, 4)]
    marks += [f'<text x="0" y="{404 - 280 * math.log10(n):.1f}">{n}</text>' for n in (1, 3, 10)]
    for p in [package for package in packages if package.functions]:
        mean, size = p.complexity / p.functions, 3 + math.sqrt(p.modules)
        x, y = 150 * math.log10(p.lines) - 100, 400 - 280 * math.log10(mean)
        title = f"<title>{p.name}: {p.lines:,} lines, mean complexity {mean:.1f}</title>"
        marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}">{title}</circle>')
    return svg(marks, 430)


def svg(marks: list[str], height: int) -> str:
    return f'<svg viewBox="0 0 680 {height}" role="img">{"".join(marks)}</svg>'


def page(packages: list[Summary], charts: dict[str, str], style: str) -> str:
    """The whole page; it needs nothing from elsewhere."""
    counts = ("modules", "lines", "functions", "classes")
    totals = [(count, sum(getattr(p, count) for p in packages)) for count in counts]
    tiles = "".join(f"<div><dt>{name}</dt><dd>{total:,}</dd></div>" for name, total in totals)
    figures = [f"<figure><figcaption>{c}</figcaption>{svg}</figure>" for c, svg in charts.items()]
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The standard library</title><style>{style}</style>
<h1>The standard library</h1><dl>{tiles}</dl><main>{"".join(figures)}</main></html>
"""


if __name__ == "__main__":
    print(run(main()))
