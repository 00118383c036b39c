"""Code objects: compared, encoded, and searched for the names that they reach.

What counts when a definition's text is missing or is not the text of the code that runs.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from types import CodeType

from ._definitions_names import MUTATORS, Names

_HAS_DOCSTRING = 0x4000000  # since 3.14
_OPTIMIZED = 0x1
_SIMPLE_LOADS = frozenset({"LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME"})
_GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTE_LOADS = frozenset({"LOAD_ATTR", "LOAD_METHOD"})


def is_same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects of this interpreter do the same; docstrings, lines and file names
    do not count.
    """
    if one is other:
        return True
    if _outline(one) != _outline(other) or len(one.co_consts) != len(other.co_consts):
        return False
    doc, other_doc = _docstring_index(one), _docstring_index(other)
    return all(
        (index == doc and index == other_doc) or _is_same_constant(mine, theirs)
        for index, (mine, theirs) in enumerate(zip(one.co_consts, other.co_consts, strict=True))
    )


def encoded_code(code: CodeType) -> str:
    """A text that two code objects share when they do the same, under any PYTHONHASHSEED.

    It depends on the version of Python. Constants and names stand where they are used, so that a
    docstring, which only shifts them, does not count.
    """
    instructions = [
        f"{instruction.opname} {_encoded_operand(instruction)}"
        for instruction in dis.get_instructions(code)
        if instruction.opname not in ("NOP", "EXTENDED_ARG")
    ]
    head = (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_HAS_DOCSTRING,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable.hex(),
    )
    return f"code {head!a}\n" + "\n".join(instructions)


def code_names(code: CodeType) -> Names:
    """What a code object, and those nested in it, reach and change by name."""
    names = Names()
    stack = [code]
    while stack:
        current = stack.pop()
        _collect(current, names)
        stack.extend(constant for constant in current.co_consts if isinstance(constant, CodeType))
    return names


def nested_codes(code: CodeType) -> Iterator[CodeType]:
    """All code objects within a code object, at any depth."""
    stack = [code]
    while stack:
        for constant in stack.pop().co_consts:
            if isinstance(constant, CodeType):
                yield constant
                stack.append(constant)


def _outline(code: CodeType) -> tuple[object, ...]:
    return (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_name,
        code.co_exceptiontable,
    )


def _docstring_index(code: CodeType) -> int:
    """Where the docstring is among the constants; -1 when there is none."""
    if sys.version_info >= (3, 14):
        return 0 if code.co_flags & _HAS_DOCSTRING else -1
    is_function = code.co_flags & _OPTIMIZED and not code.co_name.startswith("<")
    return 0 if is_function and code.co_consts and isinstance(code.co_consts[0], str) else -1


def _is_same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return is_same_code(one, other)
    # 1 == 1.0 == True, and frozensets are listed in an order that differs by process.
    return one is other or _encoded_constant(one) == _encoded_constant(other)


def _encoded_constant(value: object) -> str:
    if isinstance(value, CodeType):
        return encoded_code(value)
    if isinstance(value, tuple):
        return "(" + ",".join(map(_encoded_constant, value)) + ")"
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(_encoded_constant, value))) + "}"
    if type(value) is int:
        return hex(value)
    return f"{type(value).__name__}:{value!a}"


def _encoded_operand(instruction: dis.Instruction) -> str:
    if instruction.opcode in dis.hasconst:
        return _encoded_constant(instruction.argval)
    if instruction.opcode in dis.hasname:
        return f"{instruction.argval} {_low_bit(instruction)}"
    return "" if instruction.arg is None else str(instruction.arg)


def _low_bit(instruction: dis.Instruction) -> int:
    # Says whether LOAD_GLOBAL pushes NULL and whether LOAD_ATTR (3.12) loads a method.
    has_flag = instruction.opname in ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_SUPER_ATTR")
    return (instruction.arg or 0) & 1 if has_flag else 0


def _collect(code: CodeType, names: Names) -> None:
    instructions = [each for each in dis.get_instructions(code) if each.opname not in ("EXTENDED_ARG", "PUSH_NULL")]
    module = ""
    for index, instruction in enumerate(instructions):
        name = instruction.opname
        if name in _GLOBAL_LOADS or name == "LOAD_DEREF":
            chain = _chain(instructions, index)
            names.read(chain, runs=True)
            if len(chain) > 1 and chain[-1] in MUTATORS:
                names.change(chain[:-1], rebinds=False)
            if chain[0] in ("globals", "eval", "exec") and len(chain) == 1:
                names.opaque.add(f"uses {chain[0]}()")
            if chain[:2] == ("sys", "modules"):
                names.opaque.add("looks modules up in sys.modules")
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL") or (
            name in ("STORE_DEREF", "DELETE_DEREF") and instruction.argval in code.co_freevars
        ):
            names.change((instruction.argval,), rebinds=True)
        elif name in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR"):
            _collect_store(instructions, index, names)
        elif name == "IMPORT_NAME":
            module = instruction.argval
            names.read_import(module, 0, (), runs=True)
        elif name == "IMPORT_FROM":
            names.read_import(module, 0, (instruction.argval,), runs=True)


def _chain(instructions: list[dis.Instruction], index: int) -> tuple[str, ...]:
    chain = [instructions[index].argval]
    for instruction in instructions[index + 1 :]:
        if instruction.opname not in _ATTRIBUTE_LOADS:
            break
        chain.append(instruction.argval)
    return tuple(chain)


def _collect_store(instructions: list[dis.Instruction], index: int, names: Names) -> None:
    owner = index - 1
    if instructions[index].opname.endswith("_SUBSCR"):
        if instructions[owner].opname not in _SIMPLE_LOADS:
            return
        owner -= 1
    if owner >= 0 and instructions[owner].opname in _GLOBAL_LOADS:
        names.change((instructions[owner].argval,), rebinds=False)
