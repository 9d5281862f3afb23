"""Wrong signs, factors and indices in each sampler and schedule, one at a time: every one must be noticed by a test.

    python -m tests.mutants [FILE ...] [--each 10] [--list]

A file of the mathematics is parsed, and everything in its formulas that can be wrong by one sign, operation, number or
name is found; some of these, spread over the file, are tried. The tests run in a process of their own on the changed
file, first those that name it, then all. What no test can notice, because nothing is wrong then, is in HARMLESS.
"""

import argparse
import ast
import importlib.machinery
import io
import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

import pytest
import torch  # noqa: F401  once, for all processes
from tqdm import tqdm

HERE = Path(__file__).parents[1]
MATHEMATICS = HERE / "sfumato" / "diffusion"
LONGEST = 900
"""Seconds that the tests of one mutant may take: a walk that never ends is noticed too."""
FILES = {
    **{f"samplers/{name}.py": name for name in ("ddim", "ddpm", "heun", "edm", "unipc")},
    "samplers/lcm.py": "consistency",
    "samplers/inversion.py": "inversion or inver",
    "samplers/dpm_solver.py": "dpm or sde or stochastic",
    "samplers/exponential.py": "heun or unipc",
    "schedules/tables.py": "Linear or Cosine or linear or cosine or table or schedule",
    "schedules/flow.py": "Flow or flow",
    "schedules/edm.py": "EDM or edm",
}
"""What is changed -> the tests that are tried first."""
HARMLESS: Tuple[Tuple[str, str, str], ...] = (
    ("samplers/lcm.py", "return signal * x0 - noise * walk.noise()", "z and -z are drawn alike"),
    (
        "samplers/heun.py",
        "ahead = Visit(tried, following, ask(walk.denoiser, tried, following))",
        "of what lies ahead the prediction alone is used",
    ),
    (
        "schedules/edm.py",
        'time = t if t.device.type != "mps" else t.to(torch.float64)',
        "the noise is t itself, which gains no digits",
    ),
)
"""(file, line as it becomes, why it is right too)."""

_OPERATIONS = {ast.Add: ("+", "-*"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/+"), ast.Div: ("/", "*")}
_FUNCTIONS = {"expm1": "exp", "exp": "expm1", "log1p": "log", "sqrt": "fabs"}
_COMPARISONS = {ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", ">"), ast.Gt: (">", "<")}
_PAIRS = (("signal", "noise"), ("signal_t", "signal_s"), ("noise_t", "noise_s"), ("x0", "eps"), ("line", "parabola"))
_NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


class Mutant(NamedTuple):
    """One change."""

    file: str
    line: int
    before: str
    after: str
    """The whole line, as before."""
    source: bytes
    """The whole file."""


def mutants(file: str) -> List[Mutant]:
    """All changes of a file's formulas, in their order."""
    source = (MATHEMATICS / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    made = []
    for row, begin, end, text in _changes(ast.parse(source), source, starts):
        changed = source[:begin] + text.encode() + source[end:]
        before, after = (whole.splitlines()[row - 1].decode().strip() for whole in (source, changed))
        if all((file, after) != harmless[:2] for harmless in HARMLESS):
            made.append(Mutant(file, row, before, after, changed))
    return made


def _changes(tree: ast.AST, source: bytes, starts: List[int]) -> Iterator[Tuple[int, int, int, str]]:
    """(row, begin, end, other text) of everything that can be wrong."""
    for node in _formulas(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
            sign, others = _OPERATIONS[type(node.op)]
            left = starts[node.left.end_lineno - 1] + node.left.end_col_offset
            place = source.index(sign.encode(), left)
            for other in others:
                yield node.lineno, place, place + 1, other
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node.lineno, begin, begin + 1, "+"
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node.lineno, begin, end, repr(node.value + 1 if type(node.value) is int else 2 * node.value + 0.1)
        elif isinstance(node, ast.Attribute) and node.attr in _FUNCTIONS:
            yield node.lineno, end - len(node.attr), end, _FUNCTIONS[node.attr]
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
            sign, other = _COMPARISONS[type(node.ops[0])]
            place = source.index(sign.encode(), starts[node.left.end_lineno - 1] + node.left.end_col_offset)
            yield node.lineno, place, place + len(sign), other
        elif isinstance(node, ast.Call):
            yield from _exchanged(node, source, starts)
        elif isinstance(node, (ast.Attribute, ast.Name)) and isinstance(node.ctx, ast.Load):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in _NAMES:
                yield node.lineno, end - len(name), end, _NAMES[name]


def _exchanged(call: ast.Call, source: bytes, starts: List[int]) -> Iterator[Tuple[int, int, int, str]]:
    """Two neighbouring arguments of a call, each in the other's place."""
    for first, second in zip(call.args, call.args[1:]):
        ends = [
            (starts[one.lineno - 1] + one.col_offset, starts[one.end_lineno - 1] + one.end_col_offset)
            for one in (first, second)
        ]
        (a, b), (c, d) = ends
        yield first.lineno, a, d, (source[c:d] + source[b:c] + source[a:b]).decode()


def _formulas(tree: ast.AST) -> Iterator[ast.expr]:
    """The nodes inside of functions that compute: no docstrings, checks, types or messages."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name not in ("__repr__", "_refuse"):
            for statement in function.body:
                yield from _computing(statement)


def _computing(node: ast.AST) -> Iterator[ast.expr]:
    refuses = isinstance(node, ast.If) and any(isinstance(one, ast.Raise) for one in node.body)
    if refuses or isinstance(node, (ast.Raise, ast.JoinedStr, ast.FunctionDef)):
        return
    if isinstance(node, ast.expr):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _computing(child)


def noticed(mutant: Mutant) -> bool:
    """Whether a test fails on the changed file."""
    for tests in (["-k", FILES[mutant.file]], []):
        child = os.fork()
        if not child:
            signal.alarm(LONGEST)
            os._exit(_tested(mutant, tests))
        if os.waitpid(child, 0)[1] not in (0, int(pytest.ExitCode.NO_TESTS_COLLECTED) << 8):
            return True
    return False


def _tested(mutant: Mutant, tests: List[str]) -> int:
    target, plain = str(MATHEMATICS / mutant.file), importlib.machinery.SourceFileLoader.get_code

    def get_code(self, fullname):
        return compile(mutant.source, target, "exec") if self.path == target else plain(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", str(HERE / "tests" / "diffusion"), *tests]))


def main() -> int:
    """Try some of each file; the exit status is 1 where one was not noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=list(FILES), metavar="FILE", help=f"of {', '.join(FILES)}")
    parser.add_argument("--each", type=int, default=10, help="of one file")
    parser.add_argument("--list", action="store_true", help="only say what would be changed")
    options = parser.parse_args()
    unknown = set(options.files) - set(FILES)
    if unknown:
        parser.error(f"unknown file {', '.join(sorted(unknown))}")
    chosen = []
    for file in options.files:
        every = mutants(file)
        count = min(options.each, len(every))
        chosen += [every[i * len(every) // count] for i in range(count)]
    missed = []
    for mutant in tqdm(chosen, desc="mutants", unit="mutant", disable=options.list):
        if options.list or not noticed(mutant):
            missed.append(mutant)
            tqdm.write(f"{mutant.file}:{mutant.line}: {mutant.before}\n{' ' * len(mutant.file)}  -> {mutant.after}")
    if not options.list:
        print(f"{len(chosen)} mutants of {len(options.files)} files, {len(missed)} not noticed")
    return 1 if missed and not options.list else 0


if __name__ == "__main__":
    sys.exit(main())
