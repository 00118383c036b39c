"""Scripts whose inputs and outputs are on real servers: copied into their directory, and put back when all has gone well."""

import os

import pytest

from alonzo import Runtime
from alonzo_files import STDOUT, Dir, File, ScriptError, script

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts need a POSIX system")


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_script_reads_and_makes_remote_files_and_directories(executor, remote):
    source, target, made = File(remote.url("in/it's.txt")), File(remote.url("out/a b.txt")), Dir(remote.url("out/made"))
    source.write_text("b\na\n")
    made.file("old.txt").write_text("from before")

    def sort():
        return script(
            "sort {src} >{dst}; mkdir {made}; cp ref/in.txt {made}/copy.txt; wc -l <{src}",
            inputs={"src": source, "ref/in.txt": source},
            outputs={"dst": target, "made": made, "said": STDOUT},
        )

    with Runtime(store="memory:", executor=executor, workers=1) as runtime:
        value = runtime.run(sort())
        assert value == {"dst": target, "made": made, "said": "2\n"}
        assert target.read_text() == "a\nb\n"
        assert [file.name for file in made] == ["copy.txt"]
        runtime.run(sort())
        assert ran(runtime) == {}
        target.remove()
        runtime.run(sort())
        assert ran(runtime) == {"script": 1}
        source.write_text("c\n")
        runtime.run(sort())

    assert target.read_text() == "c\n"
    assert made.file("copy.txt").read_text() == "c\n"


def test_a_script_that_fails_leaves_what_was_there(remote):
    target = File(remote.url("out.txt"))
    target.write_text("old")
    with Runtime(store="memory:", executor="inprocess") as runtime, pytest.raises(ScriptError):
        runtime.run(script("echo new >{dst}; exit 1", outputs={"dst": target}))

    assert target.read_text() == "old"
