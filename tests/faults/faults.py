"""Faults to plant in a copy of core: each breaks one promise of recall, and the tests named with it must fail.

A fault is (name, [(old text, new text), ...], test). The old text stands once in core, however it is laid out: where the code moved
on, the runner says so, and the fault is written anew for what stands there now.
"""

CONTENTS = "recall/test_rules_contents.py::"
BELIEF = "recall/test_rules_belief.py::"
EDITS = "recall/test_edits.py::"
POLICY = "recall/test_rules_policy.py::"
LOOKING = "recall/test_looking.py::"
SCOPES = "recall/test_rules_scopes.py::"

# Of two digests of a place the lesser is kept.
ONE_WINS = (
    "self.intern(frozenset({e[:3] if e[0] == 'external' else e: e"
    " for e in sorted(set().union(*sums), key=repr, reverse=True)}.values()))"
)

FAULTS = [
    (
        "forget what arguments rest on",
        [("cell.basis = join([cell.basis, self._ledger.intern(keyed.rests)])", "pass")],
        CONTENTS + "test_5_an_external_value_in_a_default_counts_for_the_caller",
    ),
    (
        "share and recall by stale keys",
        [("if keyed.stale or not (definition.is_plain", "if not (definition.is_plain")],
        BELIEF + "test_13_what_is_stale_when_its_key_is_made_is_not_recalled",
    ),
    (
        "remember what recovered",
        [("if step.recovered:", "if False:")],
        CONTENTS + "test_8_a_recovery_ends_when_the_failing_task_is_mended",
    ),
    (
        "remember what caught an awaited failure",
        [("[REFUSAL] if failure is not None else []", "[]")],
        BELIEF + "test_14_an_awaited_failure_that_was_caught_is_tried_again",
    ),
    (
        "leave policy out of the entry",
        [("self.fingerprint, self.policy, self.epoch)", 'self.fingerprint, b"", self.epoch)')],
        POLICY + "test_17_cache_false_counts_though_the_code_is_pinned",
    ),
    (
        "leave defaults out of policy",
        [('frame(b"policy", self._defaults(task))', 'frame(b"policy", ())')],
        POLICY + "test_17_a_changed_default_counts_though_the_code_is_pinned",
    ),
    (
        "ignore epochs",
        [("self.fingerprint, self.policy, self.epoch)", "self.fingerprint, self.policy, 0)")],
        BELIEF + "test_18_a_disagreement_ends_an_epoch",
    ),
    (
        "take the last failure",
        [("type(kid.outcome) is Raised and failure is None", "type(kid.outcome) is Raised")],
        BELIEF + "test_20_the_first_failure_is_the_first_as_written",
    ),
    (
        "settle at the first failure",
        [
            (
                "waiter.pending -= 1\n            if not waiter.pending:",
                "waiter.pending -= 1\n            if not waiter.pending or (type(outcome) is Raised and waiter.outcome is None):",
            )
        ],
        BELIEF + "test_21_a_call_rests_on_all_that_it_demanded_though_one_failed_first",
    ),
    (
        "look at nothing after the body",
        [("seen = inspect_places(self.inspectors, job.externals)", "seen = ()")],
        BELIEF + "test_13_an_argument_that_changes_while_the_body_runs_poisons_nothing",
    ),
    (
        "remember what refuses",
        [
            ("if REFUSED not in below and", "if True and"),
            ("return REFUSED not in total", "return True"),
            ("note.normal, note.footprint = outcome, below", "note.normal, note.footprint = outcome, below - REFUSAL"),
        ],
        CONTENTS + "test_12_cache_false_refuses_upward_through_everything",
    ),
    (
        "take missing for anything",
        [("bool(seen == entry[3])", "entry[3] is None or seen == entry[3]")],
        CONTENTS + "test_4_a_missing_place_is_an_entry",
    ),
    (
        "keep verdicts when a place moved",
        [("for looked_from, footprint in self._resting.pop(place, ()):", "for looked_from, footprint in ():")],
        BELIEF + "test_15_what_was_judged_to_hold_is_judged_again_after_a_writer_ran",
    ),
    (
        "leave classes out of keys",
        [("call_key(definition.fingerprint, tokens, fingerprints)", "call_key(definition.fingerprint, tokens, ())")],
        EDITS + "test_a_changed_method_counts_though_only_an_instance_came_in",
    ),
    (
        "forget externals of results",
        [("if found.externals:\n            cell.rests", "if False:\n            cell.rests")],
        CONTENTS + "test_3_an_external_value_in_a_branch_not_taken_counts",
    ),
    (
        "a recalled part contributes itself alone",
        [("cell.rests = self._ledger.intern(footprint)", "cell.rests = cell.definition.own")],
        CONTENTS + "test_2_a_part_recalled_whole_contributes_its_whole_footprint",
    ),
    (
        "believe in tasks that are gone",
        [
            (
                "isinstance(today, Definition) and place.entry(today) == entry",
                "today is None or place.entry(today) == entry",
            )
        ],
        BELIEF + "test_16_a_name_that_means_nothing_any_more_does_not_hold",
    ),
    (
        "forget context entries",
        [('self._rests.append(("context", asked.path, scope.context_token(asked.path)))', "pass")],
        CONTENTS + "test_11_a_context_entry_below_a_recalled_part_counts",
    ),
    (
        "forget absent context entries",
        [
            (
                'self._rests.append(("context", asked.path, scope.context_token(asked.path)))',
                'scope.context_token(asked.path) and self._rests.append(("context", asked.path, scope.context_token(asked.path)))',
            )
        ],
        CONTENTS + "test_11_a_context_entry_counts_and_so_does_its_absence",
    ),
    (
        "put arguments below",
        [
            (
                "cell.basis = basis\n        elif basis is not EMPTY:",
                "cell.basis = basis\n            cell.rests = join([cell.rests, basis])\n        elif basis is not EMPTY:",
            )
        ],
        CONTENTS + "test_9_arguments_are_not_below_a_call",
    ),
    ("keep one candidate", [("MOST = 8", "MOST = 1")], BELIEF + "test_23_after_a_revert_what_held_before_holds_again"),
    (
        "keep one single reduction",
        [("variant = frozenset(reduction.externals)", "variant = frozenset()")],
        BELIEF + "test_23_single_reductions_with_externals_are_candidates_too",
    ),
    (
        "forget what was awaited",
        [("join([asker.rests, asked.rests, *refused])", "join([asker.rests, *refused])")],
        BELIEF + "test_14_what_was_awaited_is_below_and_an_async_task_has_no_single_reduction",
    ),
    (
        "a shared call contributes itself alone",
        [("cell.rests = leader.below", "cell.rests = frozenset([cell.definition.entry])")],
        CONTENTS + "test_1_a_part_that_was_settled_before_refuses_for_whoever_joins_it",
    ),
    (
        "recall what rests on forced tasks",
        [("if self._forced(entry[1]):", "if False:")],
        POLICY + "test_what_is_forced_runs_though_everything_above_it_is_remembered",
    ),
    (
        "check each refuses nothing",
        [('self.options.cache is False or self.options.check == "each"', "self.options.cache is False")],
        POLICY + "test_check_each_refuses_above_itself",
    ),
    (
        "one digest of a place wins",
        [
            (
                "self.intern(frozenset().union(*sums))",
                ONE_WINS,
            )
        ],
        CONTENTS + "test_10_two_digests_of_one_place_are_both_kept",
    ),
    (
        "resolve the task last met",
        [("today = self._today.get(full_name)", "today = self._tasks.get(full_name)")],
        EDITS + "test_a_task_defined_anew_counts_though_the_runtime_has_met_the_old_one",
    ),
    (
        "remember what changed under its hands",
        [("keyed.stale = True\n            self.moved.append", "self.moved.append")],
        BELIEF + "test_13_an_argument_that_changes_while_the_body_runs_poisons_nothing",
    ),
    (
        "forget externals that operators made",
        [("if found.externals:\n            cell.rests", "if found.externals and cell.job:\n            cell.rests")],
        LOOKING + "test_what_an_operator_made_counts_though_nothing_looked_into_it",
    ),
    (
        "let what an override decides count above it",
        [("if not decides(over, entry[1]):", "if True:")],
        SCOPES + "test_11_what_an_override_decides_does_not_count_above_it",
    ),
    (
        "forget what an override leaves open",
        [("if not decides(over, entry[1]):", "if False:")],
        SCOPES + "test_11_what_an_override_leaves_open_counts_with_its_value_outside",
    ),
    (
        "keep entries as they were read inside",
        [("entry[1], here.context_token(entry[1]))", "entry[1], entry[2])")],
        SCOPES + "test_11_what_an_override_leaves_open_counts_with_its_value_outside",
    ),
    (
        "share over contexts",
        [("mark = keyed.key if is_plain else self._mark(cell, keyed.key, definition.options)", "mark = keyed.key")],
        SCOPES + "test_22_a_second_context_is_answered_from_the_same_application",
    ),
    (
        "judge everything from the run's own context",
        [("(cell.inside.view if cell.inside is not None else None) or self.world", "self.world")],
        SCOPES + "test_22_two_contexts_on_one_store_each_have_their_own_answer_and_one_look_up",
    ),
    (
        "apply again in each context",
        [('if twin.how != "ran":', "if True:")],
        SCOPES + "test_22_a_second_context_is_answered_from_the_same_application",
    ),
    (
        "take entries of tasks as they are below an override",
        [("yield here.entry(today) if today is not None and there.entry(today) == entry else entry", "yield entry")],
        SCOPES + "test_17_options_below_written_in_a_task_do_not_keep_it_from_being_one_look_up",
    ),
]
