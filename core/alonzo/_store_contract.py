"""What every store must do, as a class of tests that a plugin's author subclasses; shipped by `alonzo.testing`."""

from __future__ import annotations

from contextlib import closing

from ._effects import ABSENT, Found
from ._ports import Holds
from ._record_contract import RecordContract
from ._scalars import blake, digest_of
from ._store_samples import FOOTPRINT, OWN, TASK, commit, epochal, key, leaf, note, opaque, present, small, start
from ._traces import Footprint


class StoreContract(RecordContract):
    """Subclass it, give it `open` and `reopen`, and pytest runs the suite against your store."""

    # -- memo ------------------------------------------------------------------------------------

    def test_a_key_that_nobody_wrote_has_no_records(self) -> None:
        with closing(self.open()) as store:
            assert list(store.recall([key(1), key(2)])) == [None, None]
            assert list(store.recall([])) == []

    def test_what_was_committed_is_recalled_with_all_that_is_known_of_it(self) -> None:
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one")))

            (records,) = store.recall([key(1)])

            (normal,), (reduction,) = present(records).normals, present(records).reductions
            assert normal.footprint == FOOTPRINT
            for found in (normal.value, reduction):
                assert (found.token, found.codec, found.data) == (b"sone", "scalar", b"sone")
                assert (found.externals, found.lazy, found.size) == ((), False, 4)
                assert found.value is ABSENT

    def test_records_come_in_the_order_of_the_keys_also_when_one_is_asked_twice(self) -> None:
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one")), leaf(2, small(b"two")))

            answers = store.recall([key(2), key(3), key(1), key(2)])

            assert [None if a is None else a.reductions[0].data for a in answers] == [
                b"stwo",
                None,
                b"sone",
                b"stwo",
            ]

    def test_thousands_of_keys_are_recalled_at_once_and_share_their_footprint(self) -> None:
        with closing(self.open()) as store:
            commit(store, *[leaf(number, small(b"%d" % number)) for number in range(2500)])
            with closing(self.reopen()) as other:
                answers = other.recall([key(number) for number in range(2500)])

                assert [present(a).reductions[0].data for a in answers] == [b"s%d" % number for number in range(2500)]
                assert len({id(present(a).normals[0].footprint) for a in answers}) == 1

    def test_a_body_and_its_normal_form_are_two_records(self) -> None:
        body = Found(ABSENT, b"#" + blake(b"body"), "expression", b"body", lazy=True, size=4)
        with closing(self.open()) as store:
            commit(store, note(1, reduction=body))
            commit(store, note(1, normal=small(b"one"), footprint=FOOTPRINT))

            (records,) = store.recall([key(1)])

            assert [found.lazy for found in present(records).reductions] == [True]
            assert [found.data for found in present(records).reductions] == [b"body"]
            assert [normal.value.data for normal in present(records).normals] == [b"sone"]
            assert [normal.value.lazy for normal in present(records).normals] == [False]

    def test_a_large_value_is_recalled_without_its_bytes_and_loaded_by_digest(self) -> None:
        large, middle = opaque(b"x" * 1025), opaque(b"y" * 1024)
        with closing(self.open()) as store:
            commit(store, leaf(1, large), leaf(2, middle))

            first, second = store.recall([key(1), key(2)])
            loaded = store.load([digest_of(large.token), blake(b"nowhere"), digest_of(large.token)])

            assert (present(first).reductions[0].data, present(first).reductions[0].size) == (
                None,
                1025,
            )
            assert present(first).reductions[0].codec == "opaque"
            assert present(second).normals[0].value.data == b"y" * 1024
            assert [None if found is None else found.data for found in loaded] == [
                b"x" * 1025,
                None,
                b"x" * 1025,
            ]
            assert [found.codec for found in loaded if found] == ["opaque", "opaque"]

    def test_a_value_whose_bytes_are_in_the_store_is_remembered_by_its_digest(self) -> None:
        large = opaque(b"x" * 5000)
        without_bytes = Found(ABSENT, large.token, "opaque", None, size=5000)
        with closing(self.open()) as store:
            commit(store, leaf(1, large))
            commit(store, leaf(2, without_bytes))

            (records,) = store.recall([key(2)])

            assert present(records).normals[0].value.size == 5000

    def test_a_value_whose_bytes_are_nowhere_is_not_remembered(self) -> None:
        gone = Found(ABSENT, opaque(b"x" * 5000).token, "opaque", None, size=5000)
        with closing(self.open()) as store:
            commit(store, leaf(1, gone), leaf(2, small(b"two")))

            first, second = store.recall([key(1), key(2)])

            assert first is None
            assert present(second).normals[0].value.data == b"stwo"

    def test_a_value_without_a_token_is_not_remembered_and_disagrees_with_nothing(self) -> None:
        nameless = Found("the object", b"", "scalar", b"sone", size=4)
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one")))
            commit(store, leaf(1, nameless), leaf(2, nameless))

            first, second = store.recall([key(1), key(2)])

            assert [found.data for found in present(first).reductions] == [b"sone"]
            assert second is None
            assert list(store.epochs([TASK])) == [0]

    def test_a_footprint_comes_back_as_it_was_whatever_it_names(self) -> None:
        footprint: Footprint = frozenset(
            [
                OWN,
                ("task", "flow.f", b"fingerprint-of-f", b"policy-of-f", 3),
                ("external", "file", "data/übung.txt", b"d" * 16),
                ("external", "file", "not unicode \udcff", None),
                ("external", "file", "", b""),
                ("context", "region.name", None),
                ("context", "region.name", b"token"),
                ("class", "flow.C", b"c" * 16),
            ]
        )
        with closing(self.open()) as store:
            commit(store, note(1, normal=small(b"one"), footprint=footprint))
            commit(store, note(2, normal=small(b"two"), footprint=frozenset()))
            with closing(self.reopen()) as other:
                first, second = other.recall([key(1), key(2)])

                assert present(first).normals[0].footprint == footprint
                assert present(second).normals[0].footprint == frozenset()

    def test_the_names_of_definitions_in_a_value_come_back(self) -> None:
        data = b"x" * 100
        for found in (small(b"one"), opaque(data)):
            found.names = ("flow.C", "flow.Größe")
            with closing(self.open()) as store:
                commit(store, leaf(1, found))
                with closing(self.reopen()) as other:
                    (records,) = other.recall([key(1)])

                    assert present(records).normals[0].value.names == ("flow.C", "flow.Größe")

    def test_external_values_in_a_value_come_back(self) -> None:
        externals = (("file", "b", b"2" * 16), ("file", "a", None), ("file", "a", b"1" * 16))
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one", externals)))
            with closing(self.reopen()) as other:
                (records,) = other.recall([key(1)])

                assert set(present(records).reductions[0].externals) == set(externals)
                assert set(present(records).normals[0].value.externals) == set(externals)

    def test_the_eight_newest_normal_forms_are_kept_newest_first(self) -> None:
        with closing(self.open()) as store:
            for epoch in range(10):
                commit(store, note(1, normal=small(b"%d" % epoch), footprint=epochal(epoch)))

            (records,) = store.recall([key(1)])

            assert [normal.value.data for normal in present(records).normals] == [
                b"s9",
                b"s8",
                b"s7",
                b"s6",
                b"s5",
                b"s4",
                b"s3",
                b"s2",
            ]

    def test_the_eight_newest_reductions_are_kept_newest_first(self) -> None:
        with closing(self.open()) as store:
            # All in one commit: their order is that of the notes.
            commit(
                store,
                *[note(1, reduction=small(b"v", (("file", "in", b"%d" % number),))) for number in range(10)],
            )

            (records,) = store.recall([key(1)])

            seen = [found.externals[0][2] for found in present(records).reductions]
            assert seen == [b"9", b"8", b"7", b"6", b"5", b"4", b"3", b"2"]

    def test_a_normal_form_that_is_remembered_again_is_the_newest(self) -> None:
        with closing(self.open()) as store:
            for epoch in (0, 1, 0):
                commit(store, note(1, normal=small(b"%d" % epoch), footprint=epochal(epoch)))

            (records,) = store.recall([key(1)])

            assert [normal.value.data for normal in present(records).normals] == [b"s0", b"s1"]

    def test_a_normal_form_whose_value_is_another_replaces_the_one_on_the_same_footprint(self) -> None:
        with closing(self.open()) as store:
            for text in (b"one", b"two"):
                commit(store, note(1, normal=small(text), footprint=FOOTPRINT))

            (records,) = store.recall([key(1)])

            assert [normal.value.data for normal in present(records).normals] == [b"stwo"]

    def test_leaves_under_several_footprints_keep_one_reduction(self) -> None:
        with closing(self.open()) as store:
            for epoch in range(10):
                commit(store, leaf(1, small(b"same"), epochal(epoch)))

            (records,) = store.recall([key(1)])

            assert [normal.footprint for normal in present(records).normals] == [
                epochal(epoch) for epoch in (9, 8, 7, 6, 5, 4, 3, 2)
            ]
            assert [found.data for found in present(records).reductions] == [b"ssame"]

    # -- epochs ----------------------------------------------------------------------------------

    def test_equal_results_end_no_epoch(self) -> None:
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one")))
            commit(store, leaf(1, small(b"one")), leaf(2, small(b"two")))

            assert list(store.epochs([TASK, ("flow.g", b"unknown")])) == [0, 0]

    def test_a_result_that_disagrees_ends_an_epoch_and_is_what_is_recalled(self) -> None:
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one")))
            commit(store, leaf(1, small(b"two")))

            (records,) = store.recall([key(1)])
            assert [found.data for found in present(records).reductions] == [b"stwo"]
            assert [normal.value.data for normal in present(records).normals] == [b"stwo"]
            with closing(self.reopen()) as other:
                assert list(other.epochs([("flow.f", b"other"), TASK])) == [0, 1]

    def test_a_result_disagrees_with_one_that_another_wrote_after_its_key_was_looked_up(self) -> None:
        with closing(self.open()) as store:
            store.recall([key(1), key(2)])
            with closing(self.reopen()) as other:
                commit(other, leaf(1, small(b"one")))
            commit(store, leaf(1, small(b"two")), leaf(2, small(b"two")))

            assert list(store.epochs([TASK])) == [1]
            (records,) = store.recall([key(1)])
            assert [found.data for found in present(records).reductions] == [b"stwo"]

    def test_while_it_holds_it_knows_what_it_was_told_and_then_all_again(self) -> None:
        with closing(self.open()) as store:
            if not isinstance(store, Holds):
                return
            run = store.begin(start())
            store.commit(run, [leaf(1, small(b"one"))])
            store.hold()
            store.hold()
            held = store.recall([key(1), key(2)])
            with closing(self.reopen()) as other:
                commit(other, leaf(2, small(b"two")))
            store.commit(run, [leaf(2, small(b"another")), leaf(3, small(b"three"))])

            assert [records is None for records in held] == [False, True]
            assert list(store.epochs([TASK])) == [1]
            assert [records is None for records in store.recall([key(n) for n in (1, 2, 3)])] == [False] * 3
            store.hold()
            store.finish(run, "done", {})
            assert [row.status for row in store.runs()] == ["done", "done"]

    def test_results_that_disagree_within_one_commit_end_an_epoch(self) -> None:
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one")), leaf(1, small(b"two")))

            assert list(store.epochs([TASK])) == [1]

    def test_a_result_with_other_external_values_is_no_disagreement(self) -> None:
        with closing(self.open()) as store:
            commit(store, leaf(1, small(b"one", (("file", "in", b"1"),))))
            commit(store, leaf(1, small(b"two", (("file", "in", b"2"),)), epochal(1)))

            (records,) = store.recall([key(1)])
            assert [found.data for found in present(records).reductions] == [b"stwo", b"sone"]
            assert list(store.epochs([TASK])) == [0]
