"""File hashers: what each goes by, and which is for which file."""

import datetime
import hashlib
import os
import pickle

import pytest

import alonzo_files
from alonzo import AlonzoError, PluginError, Runtime, SettingsError, task
from alonzo.plugin import hookimpl
from alonzo_files import File, Sighting
from alonzo_files._hashers import ContentHasher, Hashers, PathHasher, StatHasher, check_hasher
from alonzo_files._hashers_remote import Crc32cHasher, EtagHasher, GenerationHasher, Md5Hasher, VersionHasher
from alonzo_files.testing import FileHasherContract

OURS = alonzo_files.alonzo_file_hashers()


def told(**info):
    """A remote file of which the server says this."""
    return Sighting("s3://bucket/key", info, lambda: pytest.fail("it was opened"))


def digests(hasher, *infos):
    return [hasher.digest(told(**info)) for info in infos]


# -- each of them -----------------------------------------------------------------------------------


class TestContent(FileHasherContract):
    def hasher(self):
        return ContentHasher()


class TestStat(FileHasherContract):
    infos = ({"size": 1, "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"}, {"size": 1, "mtime": 5.5})

    def hasher(self):
        return StatHasher()


class TestPath(FileHasherContract):
    def hasher(self):
        return PathHasher()


class TestEtag(FileHasherContract):
    infos = ({"size": 1, "ETag": '"a"'}, {"size": 1, "ETag": '"b"'}, {"size": 2, "ETag": '"a"'})

    def hasher(self):
        return EtagHasher()


class TestVersion(FileHasherContract):
    infos = ({"size": 1, "VersionId": "a"}, {"size": 1, "VersionId": "b"})

    def hasher(self):
        return VersionHasher()


class TestCrc32c(FileHasherContract):
    infos = ({"size": 1, "crc32c": "AAAAAA=="}, {"size": 1, "crc32c": "AAAAAB=="}, {"size": 2, "crc32c": "AAAAAA=="})

    def hasher(self):
        return Crc32cHasher()


class TestGeneration(FileHasherContract):
    infos = ({"size": 1, "generation": "1"}, {"size": 1, "generation": "2"})

    def hasher(self):
        return GenerationHasher()


class TestMd5(FileHasherContract):
    infos = ({"size": 1, "md5Hash": "AA=="}, {"size": 1, "content_settings": {"content_md5": bytearray(16)}})

    def hasher(self):
        return Md5Hasher()


def test_an_etag_is_the_same_in_quotes_and_weak():
    one, two, three = digests(
        EtagHasher(), {"size": 1, "ETag": '"a"'}, {"size": 1, "etag": "a"}, {"size": 1, "ETag": 'W/"a"'}
    )

    assert one == two == three


def test_times_are_the_same_in_every_zone():
    utc = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    there = utc.astimezone(datetime.timezone(datetime.timedelta(hours=9)))

    one, two, later = digests(
        StatHasher(),
        {"size": 1, "LastModified": utc},
        {"size": 1, "last_modified": there},
        {"size": 1, "LastModified": utc + datetime.timedelta(seconds=1)},
    )

    assert one == two != later


@pytest.mark.parametrize(
    "info", [{}, {"VersionId": None}, {"VersionId": "null"}, {"content_settings": {"content_md5": None}}, {"ETag": ""}]
)
@pytest.mark.parametrize("hasher", [EtagHasher(), VersionHasher(), Crc32cHasher(), GenerationHasher(), Md5Hasher()])
def test_what_the_server_does_not_say_cannot_be_digested(hasher, info):
    with pytest.raises(LookupError):
        hasher.digest(told(size=1, **info))


def test_two_hashers_never_say_the_same_of_a_file():
    everything = {
        "size": 1, "ETag": "a", "VersionId": "a", "crc32c": "a", "generation": "a", "md5Hash": "a", "mtime": "a",
    }  # fmt: skip
    said = [hasher.digest(told(**everything)) for hasher in OURS if not hasher.reads]

    assert len(said) == 7
    assert len(set(said)) == 7


# -- which is for which -----------------------------------------------------------------------------


def names(hashers, place):
    return [hasher.name for hasher in hashers.of(place)[0]]


@pytest.mark.parametrize(
    "plain, expected",
    [
        ("data/a.csv", ["content"]),
        ("/data/a.csv", ["content"]),
        ("s3://bucket/key", ["etag", "content"]),
        ("gs://bucket/key", ["crc32c", "generation", "content"]),
        ("abfs://container/key", ["md5", "etag", "content"]),
        ("https://host/file", ["etag", "stat", "content"]),
        ("sftp://host/file", ["content"]),
        ("memory://file", ["content"]),
    ],
)
def test_the_usual_hasher_goes_by_what_the_server_says_where_it_says_something(plain, expected):
    place = Hashers(OURS).place(plain, None)

    assert place == plain
    assert names(Hashers(OURS), place) == expected


def test_a_hasher_that_was_chosen_is_part_of_the_place():
    hashers = Hashers(OURS)

    assert hashers.place("a.csv", "stat") == "[stat]a.csv"
    assert hashers.place("s3://b/k", "version") == "[version]s3://b/k"
    assert hashers.of("[version]s3://b/k")[1] == "s3://b/k"
    assert names(hashers, "[stat]a.csv") == ["stat"]


def test_the_usual_one_chosen_by_name_is_the_usual_one():
    hashers = Hashers(OURS)

    assert hashers.place("a.csv", "content") == "a.csv"
    assert hashers.place("s3://b/k", "content") == "[content]s3://b/k"


@pytest.mark.parametrize("plain", ["[stat]a.csv", "[]", "[", "[x"])
def test_a_path_that_looks_like_a_hasher_is_a_path(plain):
    hashers = Hashers(OURS)

    assert hashers.of(hashers.place(plain, None)) == (hashers.of("a.csv")[0], plain)
    assert hashers.of(hashers.place(plain, "stat"))[1] == plain


def test_the_settings_choose_for_local_files_and_for_patterns():
    hashers = Hashers(OURS, "stat", {"*.bam": "path", "raw/*": "content", "s3://raw/*": "version"})

    assert hashers.place("a.csv", None) == "[stat]a.csv"
    assert hashers.place("deep/er/a.bam", None) == "[path]deep/er/a.bam"
    assert hashers.place("s3://raw/deep/a", None) == "[version]s3://raw/deep/a"
    assert hashers.place("s3://cooked/a", None) == "s3://cooked/a"


def test_the_longest_pattern_decides_and_of_equally_long_ones_the_last():
    hashers = Hashers(OURS, patterns={"*.bam": "path", "raw/*.bam": "content", "a*": "stat", "*a": "path"})

    assert hashers.place("raw/x.bam", None) == "raw/x.bam"
    assert hashers.place("a-a", None) == "[path]a-a"


def test_the_file_s_own_hasher_is_over_the_settings():
    hashers = Hashers(OURS, "stat", {"*": "path"})

    assert hashers.place("a", "content") == "a"


def test_hashers_travel_with_what_was_chosen():
    there = pickle.loads(pickle.dumps(Hashers(OURS, "stat", {"*.bam": "path"})))

    assert there.place("a.csv", None) == "[stat]a.csv"
    assert there.place("a.bam", None) == "[path]a.bam"
    assert names(there, "s3://b/k") == ["etag", "content"]


def test_an_unknown_hasher_is_an_error_with_the_nearest_name():
    with pytest.raises(
        AlonzoError, match=r'a\.csv: there is no file hasher "stats" \(did you mean "stat"\?\); there are: '
    ):
        Hashers(OURS).place("a.csv", "stats")


@pytest.mark.parametrize(
    "chosen, problem",
    [
        (
            {"default": "contents"},
            r'\[plugins\.files\]: hasher: there is no file hasher "contents" \(did you mean "content"',
        ),
        ({"patterns": {"*.bam": "sta"}}, r"\[plugins\.files\]: hashers: '\*\.bam': there is no file hasher \"sta\""),
        ({"default": "etag"}, r'hasher: the file hasher "etag" is not for local files; these are: content, path, stat'),
    ],
)
def test_an_unknown_hasher_in_the_settings_is_an_error_that_says_where(chosen, problem):
    with pytest.raises(SettingsError, match=problem):
        Hashers(OURS, **chosen)


def test_a_hasher_for_other_files_is_an_error_that_says_which_there_are():
    with pytest.raises(
        AlonzoError, match=r'"crc32c" is not for s3:// files; these are: content, etag, path, stat, version'
    ):
        Hashers(OURS).place("s3://b/k", "crc32c")


@pytest.mark.parametrize("name", ["", "Stat", "a b", "a]b", "-x", "x" * 65])
def test_some_names_no_hasher_can_have(name):
    with pytest.raises(ValueError, match="no file hasher can have the name"):
        check_hasher(name)


# -- in a run ---------------------------------------------------------------------------------------


class FirstByte:
    """A hasher that looks at the first byte."""

    name = "first-byte"
    schemes = ()
    reads = True

    def digest(self, file):
        return b"first" + bytes(next(iter(file.blocks()), b""))[:1]


class Plugin:
    @hookimpl(optionalhook=True)
    def alonzo_file_hashers(self):
        return [FirstByte()]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runtime(**settings):
    return Runtime(store="memory:", executor="inprocess", plugins=[Plugin()], **settings)


@task
def read(file: File) -> str:
    return file.read_text()


def ran(engine):
    return sum(engine.last.ran.values())


def test_a_plugin_s_hasher_is_chosen_by_its_name(project):
    with runtime() as engine:
        File("a.txt").write_text("one")
        assert engine.run(read(File("a.txt", hasher="first-byte"))) == "one"
        File("a.txt").write_text("once more")

        assert engine.run(read(File("a.txt", hasher="first-byte"))) == "one"
        assert ran(engine) == 0
        assert engine.run(read(File("a.txt"))) == "once more"


def test_the_settings_choose_one_for_all(project):
    (project / "alonzo.toml").write_text(
        '[plugins.files]\nhasher = "stat"\n[plugins.files.hashers]\n"*.txt" = "path"\n'
    )
    File("a.txt").write_text("one")
    File("a.csv").write_text("one")
    with runtime() as engine:
        assert engine.run([read(File("a.txt")), read(File("a.csv"))]) == ["one", "one"]
        File("a.txt").write_text("two")
        os.utime("a.csv", (1, 1))

        assert engine.run([read(File("a.txt")), read(File("a.csv"))]) == ["one", "one"]
        assert ran(engine) == 1


def test_digests_of_two_hashers_are_never_taken_for_each_other(project):
    File("a.txt").write_text("one")
    with runtime() as engine:
        engine.run(read(File("a.txt")))
        engine.run(read(File("a.txt", hasher="stat")))
        assert ran(engine) == 1

        engine.run([read(File("a.txt")), read(File("a.txt", hasher="stat"))])
        assert ran(engine) == 0


def test_an_unknown_hasher_is_told_when_the_file_is_used(project):
    File("a.txt").write_text("one")
    with (
        runtime() as engine,
        pytest.raises(AlonzoError, match=r'no file hasher "first-bite" \(did you mean "first-byte"'),
    ):
        engine.run(read(File("a.txt", hasher="first-bite")))


def test_an_unknown_hasher_in_the_settings_is_told_at_once(project):
    (project / "alonzo.toml").write_text('[plugins.files]\nhasher = "sat"\n')
    with pytest.raises(SettingsError, match='no file hasher "sat"'):
        runtime()


def test_two_hashers_of_one_name_are_an_error_that_names_both_plugins(project):
    class Another:
        @hookimpl(optionalhook=True)
        def alonzo_file_hashers(self):
            return [ContentHasher()]

    with pytest.raises(PluginError, match="'content' is already supplied by plugin"):
        Runtime(store="memory:", executor="inprocess", plugins=[Another()])


def test_what_is_no_hasher_is_an_error_that_names_its_plugin(project):
    class Another:
        @hookimpl(optionalhook=True)
        def alonzo_file_hashers(self):
            return [hashlib.md5]

    with pytest.raises(PluginError, match=r"Another.*which is no FileHasher"):
        Runtime(store="memory:", executor="inprocess", plugins=[Another()])


def test_a_hasher_that_is_not_installed_any_more_is_asked_for_by_name(project):
    @task(version="1")
    def write() -> File:
        File("out.txt").write_text("made")
        return File("out.txt", hasher="first-byte")

    with Runtime(store="sqlite:db", executor="inprocess", plugins=[Plugin()]) as engine:
        engine.run(write())
        engine.run(write())
        assert ran(engine) == 0
    with (
        Runtime(store="sqlite:db", executor="inprocess") as engine,
        pytest.raises(AlonzoError, match='no file hasher "first-byte"'),
    ):
        engine.run(write())


def plugin_with(name, digest):
    """A plugin whose hasher has this name and says this."""

    class Own:
        schemes = ()
        reads = True

        def digest(self, file):
            return digest(file)

    Own.name = name

    class Another:
        @hookimpl(optionalhook=True)
        def alonzo_file_hashers(self):
            return [Own()]

    return Another()


@pytest.mark.parametrize("name", ["", "a b", "A", None, 5])
def test_a_hasher_with_a_name_that_nobody_could_choose_is_an_error_of_its_plugin(project, name):
    with pytest.raises(PluginError, match=r"Another.*(no file hasher can have the name|needs a name|takes the name)"):
        Runtime(store="memory:", executor="inprocess", plugins=[plugin_with(name, None)])


@pytest.mark.parametrize("digest", [b"", b"x" * 65, "text", None, bytearray(b"x")])
def test_what_a_hasher_says_must_be_bytes_that_can_be_recorded(project, digest):
    File("a.txt").write_text("one")
    plugins = [plugin_with("own", lambda file: digest)]
    with (
        Runtime(store="memory:", executor="inprocess", plugins=plugins) as engine,
        pytest.raises(AlonzoError, match=r'a\.txt: the file hasher "own" said .*, and not 1 to 64 bytes'),
    ):
        engine.run(read(File("a.txt", hasher="own")))


@pytest.mark.parametrize(
    "error, told",
    [
        (ZeroDivisionError("by zero"), 'the file hasher "own" failed: ZeroDivisionError: by zero'),
        (LookupError("no header"), 'the file hasher "own" can say nothing of it: no header'),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied"),
    ],
)
def test_a_hasher_that_fails_is_named_with_the_file(project, error, told):
    def fail(file):
        raise error

    File("a.txt").write_text("one")
    with (
        Runtime(store="memory:", executor="inprocess", plugins=[plugin_with("own", fail)]) as engine,
        pytest.raises(AlonzoError, match=r"a\.txt:? " + told),
    ):
        engine.run(read(File("a.txt", hasher="own")))
