"""The reference is complete: hooks with their signatures, errors, names, options, exit codes, settings, words."""

import asyncio
import builtins
import inspect
import re

import attrs
import click
import pytest
from doc_pages import ROOT, headings, pages

import alonzo
import alonzo_files
import alonzo_handles
from alonzo import AlonzoError, Settings, _hookspecs
from alonzo_cli import _hookspecs as cli_hookspecs
from alonzo_cli._log import log
from alonzo_cli._run import run
from alonzo_files import _hookspecs as files_hookspecs
from alonzo_store_sqlite import _schema

REFERENCE = ROOT / "docs" / "reference"


def text(name):
    return (ROOT / "docs" / name).read_text("utf-8")


def words_in_code(markdown):
    """Everything that stands in backticks, and each dotted or called name at its beginning."""
    spans = re.findall(r"`([^`\n]+)`", markdown)
    return set(spans) | {re.match(r"[\w.\-]*", span)[0] for span in spans}


def missing(wanted, found):
    return sorted(set(wanted) - set(found))


# -- hooks ----------------------------------------------------------------------------------------


def signatures(*modules):
    """Each hook as its heading has it: name and signature, as written in the specification."""
    found = {}
    for module in modules:
        for name, function in vars(module).items():
            if name.startswith("alonzo_") and inspect.isfunction(function):
                found[name] = f"`{name}{inspect.signature(function)}`".replace("'", "")
    return found


def test_every_hook_is_documented_with_its_exact_signature():
    wanted = signatures(_hookspecs, cli_hookspecs, files_hookspecs)

    assert len(wanted) >= 9
    assert missing(wanted.values(), headings(text("reference/hooks.md"))) == []


def test_no_hook_is_documented_that_does_not_exist():
    wanted = signatures(_hookspecs, cli_hookspecs, files_hookspecs)
    documented = [heading for heading in headings(text("reference/hooks.md")) if heading.startswith("`alonzo_")]

    assert missing(documented, wanted.values()) == []


# -- names ----------------------------------------------------------------------------------------


def errors():
    public = [getattr(alonzo, name) for name in alonzo.__all__]
    return [kind.__name__ for kind in public if isinstance(kind, type) and issubclass(kind, AlonzoError)]


def test_every_public_error_is_documented():
    assert len(errors()) == 14
    assert missing(errors(), headings(text("reference/errors.md"))) == []


def test_every_second_base_of_an_error_is_documented():
    page = text("reference/errors.md")
    for name in errors():
        others = [base for base in getattr(alonzo, name).__bases__ if not issubclass(base, AlonzoError)]
        section = page.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert all(f"`{base.__name__}`" in section for base in others if base is not Exception), name


def test_every_public_name_is_documented_in_the_reference():
    documented = set()
    for page in REFERENCE.glob("*.md"):
        documented |= {re.match(r"\w*", heading)[0] for heading in headings(page.read_text("utf-8"))}
        documented |= words_in_code(page.read_text("utf-8"))

    assert missing(alonzo.__all__, documented) == []


def test_every_option_of_a_task_and_argument_of_run_is_documented():
    page = words_in_code(text("reference/language.md")) | words_in_code(text("reference/options.md"))
    options = [name for name in inspect.signature(alonzo.task).parameters if name not in ("function", "options")]
    arguments = inspect.signature(alonzo.run).parameters

    assert missing([*options, *alonzo.task(print_nothing).declared._fields, *arguments], page | {"expression"}) == []


def print_nothing():
    pass


def test_the_documented_signature_of_run_is_the_real_one():
    parameters = [re.sub(r": [^=]*( = |$)", lambda m: m[1].strip(), str(p)) for p in RUN.parameters.values()]

    assert f"run({parameters[0]}, *, {', '.join(parameters[1:])})" in words_in_code(text("reference/language.md"))


RUN = inspect.signature(alonzo.run)


# -- ports, settings, store -----------------------------------------------------------------------


def test_every_port_that_a_hook_asks_for_is_documented():
    asked = re.findall(r"Iterable\[(\w+)\]", " ".join(signatures(_hookspecs).values()))

    assert len(set(asked)) == 7
    assert missing(asked, headings(text("reference/ports.md"))) == []


def test_every_setting_is_documented():
    documented = words_in_code(text("how-to/settings.md"))
    tables = {match[1] for word in documented if (match := re.match(r"\[(\w+)", word))}
    wanted = [field.name for field in attrs.fields(Settings) if field.name not in ("root", "origin")]

    assert missing(wanted, documented | tables) == []


def test_every_environment_switch_is_documented():
    from alonzo._settings import SWITCHES

    assert missing(SWITCHES, words_in_code(text("how-to/settings.md"))) == []


def test_every_table_and_view_of_the_store_is_documented():
    page = text("reference/store.md")
    tables = [re.search(r"CREATE TABLE (\w+)", statement) for statement in _schema._TABLES]

    assert missing([table[1] for table in tables if table], words_in_code(page)) == []
    assert missing(_schema._VIEWS, headings(page)) == []


# -- the program ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [run, log], ids=lambda command: command.name)
def test_every_option_of_the_command_is_documented(command):
    section = text("reference/cli.md").partition(f"## alonzo {command.name}\n")[2].partition("\n## alonzo ")[0]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    documented = {word.split()[0] for row in rows for word in re.findall(r"`([^`]+)`", row)}
    options = [p for p in command.params if isinstance(p, click.Option)]
    wanted = [name for option in options for name in option.opts if name != "-p" or command is run]

    assert len(wanted) >= 6
    assert missing(wanted, documented) == []


def test_every_exit_code_is_documented():
    from alonzo_cli import _errors

    codes = [_errors.DONE, _errors.FAILED, _errors.WRONG, _errors.WOULD_RUN]
    documented = re.findall(r"^\| (\d+)", text("reference/cli.md"), re.MULTILINE)

    assert missing(map(str, codes), documented) == []


# -- words ----------------------------------------------------------------------------------------

GLOSSARY = {
    *("expression", "task", "call", "reduction", "normal form", "sharing", "special form", "body", "parts", "cell"),
    *("machine", "effect", "driver", "ticket", "digest", "key", "memo", "footprint", "fingerprint", "external value"),
    *("inspector", "full name", "store", "admission", "early cutoff", "run", "job", "attempt", "provider", "port"),
    *("observer", "executor", "hook", "plugin", "recall", "context", "epoch", "policy", "place", "token", "worker"),
}


def terms():
    return [term for heading in headings(text("glossary.md"))[1:] for term in heading.split(", ")]


def test_the_words_of_the_code_are_in_the_glossary():
    assert missing(GLOSSARY, terms()) == []


def test_the_glossary_is_in_order_and_has_each_word_once():
    found = headings(text("glossary.md"))[1:]

    assert found == sorted(found)
    assert len(found) == len(set(found))


def test_every_part_of_the_record_that_is_public_has_its_word_in_the_glossary():
    statuses = {"run", "job", "task", "worker", "attempt", "memo", "footprint", "entry"}

    assert missing(statuses, terms()) == []


def test_no_page_names_an_error_that_does_not_exist():
    pythons = {name for name in dir(builtins) if name.endswith("Error")} | {asyncio.CancelledError.__name__}
    plugins = {name for name in (*alonzo_files.__all__, *alonzo_handles.__all__) if name.endswith("Error")}
    for name, path in pages().items():
        named = set(re.findall(r"`(\w+Error)`", path.read_text("utf-8")))
        assert missing(named, {*errors(), "AlonzoError", *pythons, *plugins}) == [], name
