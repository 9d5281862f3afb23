"""Pickles that call: every way in which a pickle can name, call and alter what is outside it."""

from typing import Callable, Dict, List

from .cases import CANARY, Case, Content, turns
from .programs import built, call, listed, named, new_file, number, old_file, some, table, text, whole

_SHELL = text(f"touch {CANARY}")
_PYTHON = text(f"open('{CANARY}', 'w').close()")
_IMPORT = text(f"__import__('os').system('touch {CANARY}')")
_FILE = text(CANARY)
_TOUCH = listed(text("touch"), _FILE)

_CALLS: Dict[str, bytes] = {
    "os.system": _SHELL,
    "posix.system": _SHELL,
    "nt.system": _SHELL,
    "os.popen": _SHELL,
    "os.mkdir": _FILE,
    "os.execvp": text("touch") + _TOUCH,
    "os.posix_spawnp": text("touch") + _TOUCH + table(),
    "pty.spawn": _TOUCH,
    "subprocess.Popen": _TOUCH,
    "subprocess.run": _TOUCH,
    "subprocess.call": _TOUCH,
    "subprocess.check_output": _TOUCH,
    "subprocess.getoutput": _SHELL,
    "commands.getoutput": _SHELL,
    "builtins.eval": _IMPORT,
    "builtins.exec": _PYTHON,
    "__builtin__.eval": _IMPORT,
    "__builtin__.execfile": text("/dev/stdin"),
    "builtins.open": _FILE + text("w"),
    "builtins.__import__": text("antigravity"),
    "builtins.breakpoint": b"",
    "io.open": _FILE + text("w"),
    "io.FileIO": _FILE + text("w"),
    "code.interact": b"",
    "importlib.import_module": text("antigravity"),
    "runpy.run_path": text("/dev/stdin"),
    "timeit.timeit": _PYTHON + number(1),
    "cProfile.run": _PYTHON,
    "pdb.run": _PYTHON,
    "bdb.Bdb.run": _PYTHON,
    "idlelib.pyshell.ModifiedInterpreter": _PYTHON,
    "ctypes.CDLL": text("libc.so.6"),
    "pickle.loads": text("cos\nsystem\n."),
    "_pickle.loads": text("cos\nsystem\n."),
    "marshal.loads": text("c"),
    "shelve.open": _FILE,
    "dbm.dumb.open": _FILE + text("c"),
    "sqlite3.connect": _FILE,
    "tempfile.mkdtemp": text("") + _FILE + text("."),
    "shutil.copy": text("/etc/hostname") + _FILE,
    "shutil.rmtree": text("."),
    "zipfile.ZipFile": _FILE + text("w"),
    "logging.FileHandler": _FILE,
    "urllib.request.urlretrieve": text("file:///etc/hostname") + _FILE,
    "webbrowser.open": text("file:///etc/hostname"),
    "multiprocessing.util.spawnv_passfds": text("/usr/bin/touch") + _TOUCH + some(),
    "asyncio.run": text("x"),
    "signal.raise_signal": number(9),
    "os.kill": number(0) + number(9),
    "os._exit": number(0),
    "sys.exit": number(0),
    "sys.setrecursionlimit": number(2**30),
    "faulthandler._sigsegv": b"",
    "time.sleep": number(60),
    "torch.load": text("/dev/stdin"),
    "torch.save": _FILE + _FILE,
    "torch.hub.load": text("owner/name") + text("model"),
    "torch.hub.load_state_dict_from_url": text("file:///etc/hostname") + text("."),
    "torch.jit.load": text("/dev/stdin"),
    "torch.jit.CompilationUnit": text("def f(x):\n  return x"),
    "torch.utils.cpp_extension.load_inline": text("canary") + text(""),
    "torch.storage._load_from_bytes": b"\x8e\x00" + bytes(7),
    "torch.serialization._legacy_load": text("/dev/stdin"),
    "torch.fx.graph_module.reduce_graph_module": table(_code=_PYTHON),
    "torch._inductor.codecache.PyCodeCache.load": _PYTHON,
    "torch.distributed.elastic.utils.get_socket_with_port": b"",
    "torch.set_default_dtype": named("torch.float64"),
    "torch.manual_seed": number(0),
    "numpy.load": text("/dev/stdin"),
    "numpy.fromfile": text("/etc/hostname"),
    "numpy.memmap": _FILE + text("uint8") + text("w+") + number(0) + number(2**20),
    "numpy.testing._private.utils.runstring": _PYTHON + table(),
    "numpy.f2py.compile": text("end") + text("canary"),
    "numpy.core.multiarray.empty": number(2**40),
    "numpy.core.numeric.ones": number(2**33),
    "transformers.AutoModel.from_pretrained": text("owner/name"),
    "sfumato.cli.main": listed(text("digits"), text("generate"), _FILE),
    "sfumato.checkpoints.files.write_text": _FILE + _FILE,
}
"""Function -> the arguments with which it would act."""


def _chain(*steps: bytes) -> bytes:
    return b"".join(steps)


_GETATTR = call("builtins.getattr", call("builtins.__import__", text("os")), text("system"))
_WAYS: Dict[str, bytes] = {
    "NEWOBJ": named("subprocess.Popen") + some(_TOUCH) + b"\x81",
    "NEWOBJ_EX": named("subprocess.Popen") + some(_TOUCH) + table() + b"\x92",
    "NEWOBJ_EX-of-a-partial": named("functools.partial") + some(named("os.system"), _SHELL) + table() + b"\x92",
    "OBJ": b"(" + named("os.system") + _SHELL + b"o",
    "INST": b"(" + _SHELL + b"ios\nsystem\n",
    "STACK_GLOBAL": text("os") + text("system") + b"\x93" + some(_SHELL) + b"R",
    "STACK_GLOBAL-with-a-path-of-names": text("subprocess") + text("os.system") + b"\x93" + some(_SHELL) + b"R",
    "STACK_GLOBAL-of-numbers": number(1) + number(2) + b"\x93" + some(_SHELL) + b"R",
    "STACK_GLOBAL-of-a-memo": text("os") + b"\x94" + text("system") + b"\x940h\x00h\x01\x93" + some(_SHELL) + b"R",
    "EXT1": call("copyreg.add_extension", text("os"), text("system"), number(1)) + b"0\x82\x01" + some(_SHELL) + b"R",
    "EXT2": call("copyreg.add_extension", text("os"), text("system"), number(999)) + b"0\x83\xe7\x03",
    "EXT4": call("copyreg.add_extension", text("os"), text("system"), number(99999)) + b"0\x84\x9f\x86\x01\x00",
    "copyreg-reconstructor": call("copyreg._reconstructor", named("os.system"), named("builtins.object"), b"N"),
    "copyreg-newobj": call("copyreg.__newobj__", named("subprocess.Popen"), _TOUCH),
    "copyreg-newobj-ex": call("copyreg.__newobj_ex__", named("subprocess.Popen"), some(_TOUCH), table()),
    "copyreg-pickle": call("copyreg.pickle", named("builtins.int"), named("os.system")),
    "getattr-chain": _GETATTR + some(_SHELL) + b"R",
    "operator-attrgetter": call("operator.attrgetter", text("system")) + some(named("os")) + b"R" + some(_SHELL) + b"R",
    "operator-methodcaller": call("operator.methodcaller", text("system"), _SHELL) + some(named("os")) + b"R",
    "operator-call": call("operator.call", named("os.system"), _SHELL),
    "functools-partial": call("functools.partial", named("os.system"), _SHELL) + b")R",
    "functools-partial-BUILD": built(
        call("functools.partial", named("builtins.int")), some(named("os.system"), some(_SHELL), table(), b"N")
    )
    + b")R",
    "functools-reduce": call("functools.reduce", named("os.system"), listed(_SHELL)),
    "map-and-list": call("builtins.list", call("builtins.map", named("os.system"), listed(_SHELL))),
    "filter-and-tuple": call("builtins.tuple", call("builtins.filter", named("os.system"), listed(_SHELL))),
    "iter-and-next": call("builtins.next", call("builtins.iter", named("os.system"), number(0))),
    "pathlib-write_text": call("pathlib.Path.write_text", call("pathlib.PosixPath", _FILE), text("x")),
    "pathlib-touch": call("builtins.getattr", call("pathlib.PosixPath", _FILE), text("touch")) + b")R",
    "type-with-a-method": call("builtins.type", text("T"), some(), table(__reduce__=named("os.system"))) + b")R",
    "BUILD-setstate": built(named("os.system"), table(__setstate__=named("os.system"))) + _SHELL + b"b",
    "BUILD-alters-a-function": built(named("torch._utils._rebuild_tensor_v2"), table(__code__=named("os.system"))),
    "BUILD-alters-a-module": built(named("sfumato.errors"), some(b"N", table(UserError=named("os.system")))),
    "BUILD-slots-of-a-function": built(named("torch.load"), some(b"N", table(__defaults__=some(_SHELL)))),
    "BUILD-alters-a-type": built(named("torch.Tensor"), table(__module__=text("os"), numel=named("os.system"))),
    "BUILD-dict-of-OrderedDict": built(call("collections.OrderedDict"), table(items=named("os.system"))),
    "BUILD-globals": built(named("builtins.globals"), some(table(), table(__builtins__=named("os")))),
    "SETITEM-into-a-module": named("os.environ") + text("PATH") + text("/nowhere") + b"s",
    "APPEND-to-a-module": named("sys.path") + text("/nowhere") + b"a",
    "ADDITEMS-to-a-module": named("sys.flags") + b"(" + text("x") + b"\x90",
    "defaultdict-factory": call("collections.defaultdict", named("os.getcwd")) + text("x") + text("y") + b"s",
    "PERSID": b"Pcanary\n",
    "module-id": some(text("module"), named("torch.nn.Linear"), _FILE, _PYTHON) + b"Q",
    "module-id-and-BUILD": some(text("module"), named("os.system"), _FILE, _PYTHON)
    + b"Q"
    + table(dump_patches=b"\x88")
    + b"b",
    "storage-id-of-a-function": some(text("storage"), named("os.system"), _SHELL, text("cpu"), number(1)) + b"Q",
    "storage-id-of-a-call": some(text("storage"), call("os.system", _SHELL), _SHELL, text("cpu"), number(1)) + b"Q",
    "rebuild-parameter": call("torch._utils._rebuild_parameter", call("os.system", _SHELL), b"\x88", table()),
    "rebuild-parameter-with-state": call(
        "torch._utils._rebuild_parameter_with_state", named("os.system"), b"\x88", table(), some(_SHELL)
    ),
    "rebuild-from-type": call(
        "torch._tensor._rebuild_from_type_v2", named("os.system"), named("torch.Tensor"), some(_SHELL), table()
    ),
    "rebuild-wrapper": call("torch._utils._rebuild_wrapper_subclass", named("os.system"), named("torch.float")),
    "hooks-that-call": call(
        "torch._utils._rebuild_tensor_v2", b"N", number(0), some(), some(), b"\x89", listed(call("os.system", _SHELL))
    ),
    "numpy-objects": built(
        call("numpy.core.multiarray._reconstruct", named("numpy.ndarray"), some(number(0)), text("b")),
        some(number(1), some(number(1)), call("numpy.dtype", text("O8")), b"\x89", listed(call("os.system", _SHELL))),
    ),
    "numpy-scalar-of-a-pickle": call(
        "numpy.core.multiarray.scalar", call("numpy.dtype", text("O")), text("cos\nsystem\n(S'touch canary'\ntR.")
    ),
    "numpy-dtype-metadata": built(
        call("numpy.dtype", text("f8")),
        some(
            number(4),
            text("<"),
            b"N",
            b"N",
            b"N",
            number(-1),
            number(-1),
            number(0),
            table(x=call("os.system", _SHELL)),
        ),
    ),
    "codecs-decode": call("_codecs.decode", text("x"), text("unicode_escape")),
    "codecs-encode-rot13": call("_codecs.encode", text("x"), text("rot13")),
    "codecs-register": call("_codecs.register", named("os.system")),
    "enum-by-value": call("signal.Signals", number(9)),
    "nested-torch-load": call(
        "torch.load", call("_io.BytesIO", text(old_file(whole(call("os.system", _SHELL))).decode("latin-1")))
    ),
}
"""Instruction or trick -> a program."""


def _file(zip_file: bool, program: bytes) -> Callable[[], Content]:
    return lambda: (new_file if zip_file else old_file)(whole(program))


def cases() -> List[Case]:
    """Calls, each in a new and an old file by turns; ways, each in both."""
    made: Dict[str, Callable[[], Content]] = {}
    for place, (name, arguments) in enumerate(_CALLS.items()):
        kind = "old" if place % 2 else "new"
        made[f"call-{name}-{kind}.pt"] = _file(kind == "new", call(name, arguments))
    for way, program in _WAYS.items():
        for kind in ("new", "old"):
            made[f"way-{way}-{kind}.pt"] = _file(kind == "new", program)
    return turns(made)
