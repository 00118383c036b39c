"""What every encoder and every serializer must do, as classes of tests that a plugin's author subclasses; shipped by `alonzo.testing`."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._apply import ResultLook
from ._builtins import ENCODERS, digester
from ._codec import Codec
from ._digests import Digester
from ._ports import Encoder, InPieces, Selective, Serializer

_MAIN = """
import json, runpy, sys
contract = runpy.run_path(sys.argv[1])[sys.argv[2]]()
print(json.dumps(contract.digests()))
"""


class _Values:
    def encoders(self) -> Iterable[Encoder]:
        """The plugin's encoders."""
        return ()

    def values(self) -> Mapping[str, Callable[[], Any]]:
        """Different values, by a name for each: what makes one, anew each time. Take many: empty ones, the odd, the extreme."""
        raise NotImplementedError

    def digester(self) -> Digester:
        """Digests as a runtime with this plugin does."""

        def refused(text: str) -> None:
            raise AssertionError(text)

        return digester((*ENCODERS, *self.encoders()), {}, None, refused)

    def digests(self) -> dict[str, str]:
        """The digest of each of the values, as it is in this process."""
        return {name: self.token(make()).hex() for name, make in self.values().items()}

    def token(self, value: Any) -> bytes:
        digester = self.digester()
        return digester.token(value, ResultLook({}, digester.name_of))


class EncoderContract(_Values):
    """Subclass it, give it `encoders` and `values`, perhaps `alike`, and pytest runs the suite against your encoders.

    The module must be importable by its path alone: values are made in another process too.
    """

    def alike(self) -> Mapping[str, tuple[Any, Any]]:
        """Pairs of values that differ in what does not count, and must have one digest."""
        return {}

    def test_kinds_are_types_or_their_full_names(self) -> None:
        for encoder in self.encoders():
            assert isinstance(encoder, Encoder)
            assert encoder.kinds
            assert all(isinstance(kind, type) or "." in kind for kind in encoder.kinds)

    def test_encoders_travel_to_workers(self) -> None:
        for encoder in self.encoders():
            assert pickle.loads(pickle.dumps(encoder)).kinds == encoder.kinds

    def test_equal_values_have_equal_digests(self) -> None:
        assert self.digests() == self.digests()

    def test_different_values_have_different_digests(self) -> None:
        by_digest: dict[str, str] = {}
        for name, digest in self.digests().items():
            assert by_digest.setdefault(digest, name) == name

    def test_what_does_not_count_does_not_change_the_digest(self) -> None:
        for name, (one, other) in self.alike().items():
            assert self.token(one) == self.token(other), name

    def test_a_copy_has_the_digest_of_the_original(self) -> None:
        for name, make in self.values().items():
            value = make()
            assert self.token(pickle.loads(pickle.dumps(value, 5))) == self.token(value), name

    def test_digests_are_the_same_in_another_process_with_another_hash_seed(self) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        program = [sys.executable, "-c", _MAIN, inspect.getfile(type(self)), type(self).__qualname__]
        done = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)  # noqa: S603

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == self.digests()


class SerializerContract(_Values):
    """Subclass it, give it `serializer` and `values`, and `encoders` if the values need them to be digested."""

    def serializer(self) -> Any:
        """The plugin's serializer."""
        raise NotImplementedError

    def test_it_is_a_serializer_with_a_name_a_version_and_kinds(self) -> None:
        serializer = self.serializer()

        assert isinstance(serializer, Serializer)
        assert serializer.name.strip()
        assert type(serializer.version) is int
        assert all(isinstance(kind, type) or "." in kind for kind in serializer.kinds)

    def test_it_travels_to_workers(self) -> None:
        assert pickle.loads(pickle.dumps(self.serializer())).name == self.serializer().name

    def test_a_value_comes_back_of_the_same_type_and_with_the_same_digest(self) -> None:
        serializer = self.serializer()
        for name, make in self.values().items():
            value = make()
            assert not isinstance(serializer, Selective) or serializer.takes(value), name
            data = bytes(serializer.dumps(value))
            shifted = memoryview(b"-" + data)[1:]
            for given in (data, bytearray(data), memoryview(data), shifted):
                back = serializer.loads(given, serializer.version)
                assert type(back) is type(value), name
                assert self.token(back) == self.token(value), name

    def test_a_value_has_the_same_bytes_each_time(self) -> None:
        serializer = self.serializer()
        for name, make in self.values().items():
            assert bytes(serializer.dumps(make())) == bytes(serializer.dumps(make())), name

    def test_pieces_are_the_bytes(self) -> None:
        serializer = self.serializer()
        for name, make in self.values().items() if isinstance(serializer, InPieces) else ():
            assert b"".join(serializer.pieces(make())) == bytes(serializer.dumps(make())), name

    def test_dumping_does_not_change_the_value(self) -> None:
        for name, make in self.values().items():
            value = make()
            before = self.token(value)
            self.serializer().dumps(value)
            assert self.token(value) == before, name

    def test_bytes_that_are_cut_short_are_an_error(self) -> None:
        serializer = self.serializer()
        for name, make in self.values().items():
            data = bytes(serializer.dumps(make()))
            for cut in sorted({0, 1, len(data) // 2, len(data) - 1} - {len(data)}):
                try:
                    serializer.loads(data[:cut], serializer.version)
                except Exception:  # noqa: S112 - which one is its own business: whoever decodes says of what
                    continue
                raise AssertionError(f"{name}: the first {cut} of {len(data)} bytes were taken for the whole")

    def test_values_inside_containers_come_back_too(self) -> None:
        codec = Codec([self.serializer()])
        for name, make in self.values().items():
            value = {"deep": [(make(), 1), make()]}
            encoding, data = codec.encode(value)
            assert self.token(codec.decode(encoding, memoryview(data))) == self.token(value), name
