"""What a pickle could do to its reader: nothing of it is run, and its claims are held against the file."""

import contextlib
import os
import pickle
import random
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from gprior_converters import pickles, scanning, unpickler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters import nvidia
from gprior_jax.errors import CheckpointError

VARIABLES = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "lod": np.float32(0.0)}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("place", ["entry", "state", "settings", "variable", "storage"])
def test_code_is_refused_and_not_run(tmp_path, place, protocol):
    trap = nvidia.Trap(os.system, f"echo > {tmp_path}/owned")
    content = nvidia.snapshot()
    if place == "entry":
        content["augment_pipe"] = trap
    elif place == "state":
        content["G_ema"].first.extra = trap
    elif place == "settings":
        content["G_ema"]._init_kwargs["extra"] = trap
    elif place == "variable":
        content = tuple(nvidia.Network({"a": trap}) for _ in range(3))
    else:  # Within the file that torch.save makes of every tensor.
        content = nvidia.write(tmp_path / "b.pkl", content, protocol).read_bytes()
        content = content.replace(b"ctorch\nFloatStorage\n", b"cposix\nxxxxxxsystem\n")
        (tmp_path / "a.pkl").write_bytes(content)
    if place != "storage":
        nvidia.write(tmp_path / "a.pkl", content, protocol)
    message = nvidia.refusal(tmp_path / "a.pkl")
    assert ("posix.xxxxxxsystem" if place == "storage" else "posix.system") in message
    assert "could run code when loaded; it was refused and nothing was run" in message
    assert not (tmp_path / "owned").exists()
    if place != "storage":
        # The trap works: what was refused would have run.
        pickle.loads(pickle.dumps(trap))
        assert (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "call",
    [
        (eval, "open('{0}', 'w')"),
        (exec, "open('{0}', 'w')"),
        (open, "{0}", "w"),
        (getattr, "", "upper"),
        (np.load, "{0}"),
        (torch.load, "{0}"),
        (__import__, "antigravity"),
        (bytearray, b"x"),
    ],
)
def test_other_names_are_refused(tmp_path, call):
    function, *arguments = call
    arguments = [a.format(tmp_path / "owned") if isinstance(a, str) else a for a in arguments]
    content = {"G": nvidia.Layer(1), "x": nvidia.Trap(function, *arguments)}
    assert "could run code" in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", content, 3))
    assert not (tmp_path / "owned").exists()


def test_source_text_is_never_run(tmp_path, monkeypatch):
    source = nvidia.SOURCE.format(path=str(tmp_path / "owned"))
    monkeypatch.setattr(nvidia.Persistent, "source", source)
    path = nvidia.write(tmp_path / "a.pkl", nvidia.snapshot())
    assert b"pathlib.Path" in path.read_bytes()
    before = set(sys.modules)
    pickles.read_pickle(path)
    network = nvidia.Network(VARIABLES)
    network.state["build_module_src"] = source
    pickles.read_pickle(nvidia.write(tmp_path / "b.pkl", (network,) * 3))
    assert not (tmp_path / "owned").exists()
    assert set(sys.modules) == before
    exec(source)
    assert (tmp_path / "owned").exists()


# Instructions by hand: GLOBAL is c<module>\n<name>\n, R calls, b builds, \x81 makes an object without a call.
TENSORS = b"ctorch._utils\n_rebuild_tensor_v2\n"


@pytest.mark.parametrize(
    "body",
    [
        TENSORS + b"}X\x04\x00\x00\x00nameK\x01sb",  # Attributes of a function.
        TENSORS + b"N}X\x04\x00\x00\x00nameK\x01s\x86b",  # The same through slots.
        b"ccollections\nOrderedDict\n}X\x04\x00\x00\x00nameK\x01sb",  # Attributes of a class.
        b"ctfutil\nNetwork\nN}X\x0c\x00\x00\x00__setstate__K\x01s\x86b",
        TENSORS + b")\x81",  # An object of a function.
        b"ctfutil\nNetwork\n(K\x01tR",
        b"ccollections\nOrderedDict\n(]tR",  # A copy of a list.
        b"cnumpy\nndarray\n)R)R",  # A call of an array.
        b"ctorch._utils\n_rebuild_parameter\nK\x01\x85R)R",
        b"\x80\x04X\x07\x00\x00\x00tfutil\nX\x07\x00\x00\x00Network\x93",
        b"\x80\x04X\x06\x00\x00\x00tfutilX\x11\x00\x00\x00Network.__class__\x93",  # A path through attributes.
        b"\x82\x01",  # Extension registry.
        b"(ctfutil\nNetwork\no",
        b"(itfutil\nNetwork\n",
        b"X\x01\x00\x00\x00aQ",  # A reference outwards.
        b"Pa\n",
        b"\x97",
    ],
)
def test_no_stand_in_can_be_changed_called_or_copied(tmp_path, body):
    before = {name: dict(vars(one)) for name, one in vars(unpickler).items() if isinstance(one, type)}
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02" + body + b".")
    message = nvidia.refusal(tmp_path / "a.pkl")
    assert "damaged" in message or "could run code" in message
    assert before == {name: dict(vars(one)) for name, one in vars(unpickler).items() if isinstance(one, type)}


def nested(depth, make):
    value = ()
    for _ in range(depth):
        value = make(value)
    return value


@pytest.mark.parametrize("make", [lambda v: (v,), lambda v: [v], lambda v: {"a": v}, lambda v: frozenset((v,))])
def test_deep_nesting(tmp_path, make):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        data = pickle.dumps(nested(300, make), 4)
    finally:
        sys.setrecursionlimit(limit)
    (tmp_path / "a.pkl").write_bytes(data)
    assert "nested more than 200 deep" in nvidia.refusal(tmp_path / "a.pkl")


def test_deep_keys_do_not_exhaust_the_stack(tmp_path):
    # Hashing a tuple of tuples recurses in C: a million levels would end the interpreter.
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02})" + b"\x85" * 500_000 + b"K\x01s.")
    assert "nested more than 200 deep" in nvidia.refusal(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "body",
    [
        b"K\x01r\xff\xff\xff\x7f",  # An entry of the memo so far on that the memo would fill the memory.
        b"K\x01p1000000000\n",
        b"B\xff\xff\xff\x7f",
        b"\x8e" + struct.pack("<Q", 1 << 40),
        b"\x96" + struct.pack("<Q", 1 << 40),
        b"\x8d" + struct.pack("<Q", 1 << 40),
        b"\x8b" + struct.pack("<I", 1 << 30),
        b"\x95" + struct.pack("<Q", 1 << 40),
        b"",
        b"h\x05",
        b"(((",
        b"\xff",
    ],
)
def test_claims_of_instructions(tmp_path, body):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + body + b".")
    assert "damaged or truncated" in nvidia.refusal(tmp_path / "a.pkl")


def test_number_of_instructions(tmp_path, monkeypatch):
    path = nvidia.write(tmp_path / "a.pkl", {"G": nvidia.Layer(1)})
    assert pickles.read_pickle(path).networks.keys() == {"generator"}
    monkeypatch.setattr(scanning, "_MAX_OPCODES", 100)
    assert "damaged or truncated (instruction" in nvidia.refusal(path)


@pytest.mark.parametrize("size", [(1 << 30, 1 << 30), (4, 2), (1 << 20, 0, 7)])
def test_tensors_larger_than_their_storage(tmp_path, size):
    class Odd:
        def __reduce__(self):
            function, (storage, offset, _, _, *rest) = torch.zeros(3).__reduce_ex__(4)
            return function, (storage, offset, size, (0,) * len(size), *rest)

    layer = nvidia.Layer(1)
    layer.__dict__["_buffers"]["noise"] = Odd()
    path = nvidia.write(tmp_path / "a.pkl", {"G_ema": layer})
    if 0 in size:
        assert pickles.read_pickle(path).networks["generator"]["noise"].shape == size
    else:
        assert f"noise claims shape {list(size)} over a storage of 3 numbers" in nvidia.refusal(path)


@pytest.mark.parametrize("number", [b"M\x00\x80", b"J\xff\xff\xff\xff"])
def test_storages_larger_than_the_file(tmp_path, number):
    path = nvidia.write(tmp_path / "a.pkl", {"G_ema": nvidia.Layer(1)}, 4)
    data = path.read_bytes()
    # Of the 6 numbers of the weight: K\x06 in the nested file, whose length is that of the bytes around it.
    start = data.index(b"ctorch\nFloatStorage\n")
    place = data.index(b"K\x06Nt", start)
    grown = len(number) - 2
    head = data.rindex(b"B", 0, data.rindex(b"\x8a\nl\xfc", 0, start))
    length = struct.unpack_from("<I", data, head + 1)[0]
    data = data[: head + 1] + struct.pack("<I", length + grown) + data[head + 5 : place] + number + data[place + 2 :]
    frame = struct.unpack_from("<Q", data, 3)[0]
    path.write_bytes(data[:3] + struct.pack("<Q", frame + grown) + data[11:])
    assert "a storage claims" in nvidia.refusal(path)


@pytest.mark.parametrize("shape", [(1 << 30, 1 << 30), (5,), (-4,), ("4",), (1,) * 9])
def test_arrays_larger_than_their_bytes(tmp_path, shape):
    class Odd:
        def __reduce__(self):
            function, arguments, state = np.zeros(4, np.float32).__reduce__()
            return function, arguments, (1, shape, *state[2:])

    path = nvidia.write(tmp_path / "a.pkl", (nvidia.Network({"a": Odd()}),) * 3)
    assert "a.pkl: a " in nvidia.refusal(path)
    assert "it was refused" in nvidia.refusal(path)


def test_one_tensor_named_again_and_again(tmp_path):
    layer = nvidia.Layer(1)
    shared = torch.zeros(1000)
    layer._buffers |= {f"b{i}": shared for i in range(50)}
    path = nvidia.write(tmp_path / "a.pkl", {"G_ema": layer})
    assert path.stat().st_size < 50_000
    assert "exceed the file; refused" in nvidia.refusal(path)


def test_one_module_named_again_and_again(tmp_path):
    network = nvidia.Network({})
    for _ in range(12):
        network = nvidia.Network({}, {f"part{i}": network for i in range(9)})
    assert "too many entries" in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", (network,) * 3))


def test_one_setting_named_again_and_again(tmp_path):
    value = []
    for _ in range(12):
        value = [value] * 9
    path = nvidia.write(tmp_path / "a.pkl", (nvidia.Network({}, value=value),) * 3)
    assert "too many entries" in nvidia.refusal(path)


def test_what_holds_itself(tmp_path):
    layer, value = nvidia.Layer(1), []
    value.append(value)
    layer._init_kwargs["value"] = value
    assert "too many within each other" in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", {"G_ema": layer}))
    part = nvidia.Network({})
    part.state["components"]["part"] = part
    assert "damaged" in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", (part,) * 3))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    network = nvidia.Network(VARIABLES, {"mapping": nvidia.Network(VARIABLES)}, resolution=8)
    trap = {
        "x": nvidia.Trap(os.system, f"echo > {folder}/owned"),
        "y": nvidia.Trap(eval, f"open('{folder}/owned', 'w')"),
    }
    contents = [{"G_ema": nvidia.Layer(1)}, (network,) * 3, {"G": nvidia.Layer(1)} | trap]
    files = [
        nvidia.write(folder / "a.pkl", content, protocol).read_bytes() for content in contents for protocol in (2, 4)
    ]
    return folder, files


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes_run_nothing(originals, data):
    folder, files = originals
    content = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(1, len(content) - 1))
        piece = data.draw(st.binary(min_size=0, max_size=3) | st.sampled_from([b"R", b"b", b"\x81", b"0", b"2", b"."]))
        content[place : place + data.draw(st.integers(0, 3))] = piece
    path = folder / "changed.pkl"
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):
        pickles.read_pickle(path)
    assert not (folder / "owned").exists()


WATCHER = """
import pathlib, pickle, sys
from gprior_converters import pickles
from gprior_jax.errors import CheckpointError

def read(path):
    try:
        pickles.read_pickle(path)
        return 1
    except CheckpointError:
        return 0

paths = sorted(pathlib.Path(sys.argv[1]).glob("*.pkl"))
read(paths[0])
current, seen = None, []

def watch(event, arguments):
    harmless = ("object.", "sys._getframe", "gc.", "marshal", "code.__new__")
    if current and not event.startswith(harmless) and not (event == "open" and arguments[0] == str(current)):
        seen.append((event, current.name))

sys.addaudithook(watch)
whole = 0
for path in paths:
    current = path
    whole += read(path)
    current = None
found = list(seen)
current = path
pickle.loads(pickle.dumps(print))
current = None
print(len(paths), whole, len(seen) - len(found), found)
"""


def test_nothing_but_the_file_is_touched(originals, tmp_path):
    # The interpreter tells of every import, compilation, call of the system and opened file.
    _, files = originals
    chance = random.Random(0)
    for number in range(400):
        content = bytearray(files[number % len(files)])
        for _ in range(number % 4):
            place = chance.randrange(1, len(content))
            content[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        (tmp_path / f"{number:03}.pkl").write_bytes(content)
    command = [sys.executable, "-c", WATCHER, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    count, whole, control, seen = found.stdout.split(maxsplit=3)
    assert (int(count), seen.strip()) == (400, "[]")
    assert 60 < int(whole) < 300
    assert int(control) > 0  # An ordinary reader is told of.
