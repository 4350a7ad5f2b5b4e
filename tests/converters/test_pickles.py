import pickle
import struct
import sys

import numpy as np
import pytest
import torch
from gprior_converters import pickles, reading
from gprior_converters.convert import recognise

from converters import nvidia
from gprior_jax.errors import CheckpointError


def wanted(network):
    """State dict of a module."""
    return {key: value.detach() for key, value in network.state_dict().items()}


def assert_state(found, expected):
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value.float() if value.is_floating_point() else value)
        assert found[key].dtype == (np.float32 if value.is_floating_point() else np.int64)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_stylegan2_ada(tmp_path, protocol):
    content = nvidia.snapshot()
    found = pickles.read_pickle(nvidia.write(tmp_path / "a.pkl", content, protocol))
    assert found.kind == "stylegan2-ada-pytorch"
    assert found.networks.keys() == {"generator", "discriminator"}
    assert_state(found.networks["generator"], wanted(content["G_ema"]))
    assert_state(found.networks["discriminator"], wanted(content["D"]))
    assert set(found.left_out) == {"G", "training_set_kwargs"}
    assert found.settings["generator"] == {
        "class_name": "Generator",
        "z_dim": 4,
        "synthesis_kwargs": {"conv_clamp": 256, "num_fp16_res": 4, "scale": 0.5},
    }


def test_attributes_that_no_tensor_tells(tmp_path):
    D = nvidia.Generator(2, conv_clamp=256, epilogue_kwargs=nvidia.EasyDict(mbstd_group_size=8))
    found = reading.read_networks(nvidia.write(tmp_path / "a.pkl", nvidia.snapshot(D=D)))
    assert found.attributes == {"generator": {"clamp": 256}, "discriminator": {"clamp": 256, "group_size": 8}}
    content = nvidia.snapshot(D=nvidia.Generator(2), G_ema=nvidia.Generator(3, synthesis_kwargs={"conv_clamp": None}))
    assert reading.read_networks(nvidia.write(tmp_path / "a.pkl", content)).attributes == {
        "generator": {},
        "discriminator": {},
    }


def test_published_keys(tmp_path, golden, golden_weights):
    states = {
        name: golden_weights.state_dict(golden / f"stylegan2_64.{part}.layout.json")
        for name, part in (("G_ema", "generator"), ("D", "discriminator"))
    }
    networks = {name: nvidia.tree(state) for name, state in states.items()}
    found = reading.read_networks(nvidia.write(tmp_path / "a.pkl", networks, 3))
    for role, name in (("generator", "G_ema"), ("discriminator", "D")):
        assert found[role].keys() == states[name].keys()
        for key, value in states[name].items():
            np.testing.assert_array_equal(found[role][key], value)
        assert recognise(found[role], "a.pkl") == f"stylegan2_{role}"


def test_meta_as_a_plain_dict_and_positional_arguments(tmp_path, monkeypatch):
    # The version of the published files has dict, later ones EasyDict.
    monkeypatch.setattr(nvidia.Persistent, "meta", dict)
    found = pickles.read_pickle(nvidia.write(tmp_path / "a.pkl", {"G_ema": nvidia.Layer(7)}))
    assert_state(found.networks["generator"], wanted(nvidia.Layer(7)))
    assert found.settings["generator"] == {"class_name": "Layer", "init_args": [7], "conv_clamp": None}


def test_without_an_averaged_generator(tmp_path):
    content = {"G": nvidia.Layer(1), "G_ema": None, "D": None, "augment_pipe": nvidia.Layer(3)}
    found = pickles.read_pickle(nvidia.write(tmp_path / "a.pkl", content))
    assert found.networks.keys() == {"generator"}
    assert_state(found.networks["generator"], wanted(nvidia.Layer(1)))
    assert found.left_out == ("augment_pipe",)


def test_old_and_new_names_of_numpy(tmp_path):
    content = nvidia.snapshot(G_ema=nvidia.Generator(3, scale=np.float64(0.25)))
    path = nvidia.write(tmp_path / "a.pkl", content, 3)
    data = path.read_bytes()
    assert data.count(b"cnumpy._core.multiarray\n") == 1
    for name in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        path.write_bytes(data.replace(b"numpy._core.multiarray", name))
        assert pickles.read_pickle(path).settings["generator"]["scale"] == 0.25


VARIABLES = {
    "lod": np.float32(0.0),
    "4x4/Dense/weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "4x4/Conv/weight": np.asfortranarray(np.arange(8.0).reshape(2, 4)),
    "noise0": np.arange(4, dtype=">f4").reshape(1, 1, 2, 2),
    "count": np.int64(3),
}


def assert_variables(found, expected):
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)
        assert found[key].shape == value.shape
        assert found[key].dtype == (np.int64 if key.endswith("count") else np.float32)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("place", ["tfutil", "dnnlib.tflib.network"])
def test_tensorflow(tmp_path, protocol, place):
    nets = [nvidia.Network(VARIABLES, name=name, resolution=8, fused_scale=False, version=2) for name in "GD"]
    smooth = nvidia.Network({key: value * 2 for key, value in VARIABLES.items()}, name="Gs", label_size=0, rate=None)
    found = pickles.read_pickle(nvidia.write(tmp_path / "a.pkl", (*nets, smooth), protocol, network=place))
    assert found.kind == "tensorflow"
    assert_variables(found.networks["generator"], {key: value * 2 for key, value in VARIABLES.items()})
    assert_variables(found.networks["discriminator"], VARIABLES)
    assert found.left_out == ("G",)
    assert found.settings["generator"] == {"label_size": 0, "rate": None, "build_func_name": "Gs", "version": 3}
    assert found.settings["discriminator"]["fused_scale"] is False


@pytest.mark.parametrize("scopes", [False, True])
def test_tensorflow_components(tmp_path, scopes):
    dense, const = {"Dense0/weight": VARIABLES["4x4/Dense/weight"]}, {"4x4/Const/const": VARIABLES["noise0"]}
    parts = {"mapping": nvidia.Network(dense), "synthesis": nvidia.Network(const)}
    top = {"dlatent_avg": np.ones(3, np.float32)}
    if scopes:  # All variables in the generator, by their names in the graph.
        top |= {f"G_mapping/{key}": value for key, value in dense.items()}
        top |= {f"G_synthesis/{key}": value for key, value in const.items()}
        parts = {}
    networks = tuple(nvidia.Network(top, nvidia.EasyDict(parts)) for _ in range(4))
    found = pickles.read_pickle(nvidia.write(tmp_path / "a.pkl", networks))
    assert_variables(
        found.networks["generator"],
        {
            "dlatent_avg": top["dlatent_avg"],
            "mapping/Dense0/weight": dense["Dense0/weight"],
            "synthesis/4x4/Const/const": const["4x4/Const/const"],
        },
    )
    assert found.left_out == ("E", "G")  # In-domain inversion has its encoder first.


def test_strings_of_python_2(tmp_path):
    # Python 2 has no bytes: names and an array's numbers are strings, which are read as latin1.
    raw = np.array([1.5, -2.0], "<f4").tobytes()
    dtype = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    array += b"(K\x01K\x02\x85" + dtype + b"\x89U" + bytes([len(raw)]) + raw + b"tb"
    state = b"}(U\x09variables]U\x01a" + array + b"\x86aU\x0dstatic_kwargs}U\x01sc__builtin__\nset\n]\x85Rsu"
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02" + 3 * (b"ctfutil\nNetwork\n)\x81" + state + b"b") + b"\x87.")
    found = pickles.read_pickle(path)
    np.testing.assert_array_equal(found.networks["generator"]["a"], [1.5, -2.0])
    assert found.settings["generator"]["s"] == []


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.02, 0.3, 0.7, 0.95, 0.999])
def test_truncated_files(tmp_path, protocol, part):
    path = nvidia.write(tmp_path / "a.pkl", nvidia.snapshot(), protocol)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    assert "fetch it again" in nvidia.refusal(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("not a pickle", "a text file"),
        ("<!DOCTYPE html>\n<html>Quota exceeded</html>", "a web page"),
        ("(lp0\n.", "a text file"),
    ],
)
def test_text_files(tmp_path, text, what):
    (tmp_path / "a.pkl").write_text(text)
    assert f"is {what}, not a pickle of a network: " in nvidia.refusal(tmp_path / "a.pkl")
    assert f"is {what}, not a checkpoint: " in nvidia.refusal(tmp_path / "a.pkl", reading.read_networks)


def test_a_network_that_torch_saved_whole_as_pti_does(tmp_path):
    net = nvidia.Generator(3, z_dim=4, synthesis_kwargs=nvidia.EasyDict(conv_clamp=256))
    path = tmp_path / "model_ABCDEFGHIJKL_cat.pt"
    with nvidia.modules():
        torch.save(net, path)
    found = pickles.read_pickle(path)
    assert found.networks.keys() == {"generator"}
    assert_state(found.networks["generator"], wanted(net))
    assert found.left_out == ()
    assert pickles.attributes(found, "generator") == {"clamp": 256}
    assert_state(reading.read_networks(path)["generator"], wanted(net))


def test_code_in_an_archive_is_not_run(tmp_path):
    net = nvidia.Layer(3)
    net.trap = nvidia.Trap(open, str(tmp_path / "owned"), "w")
    with nvidia.modules():
        torch.save(net, tmp_path / "a.pt")
    assert "could run code" in nvidia.refusal(tmp_path / "a.pt")
    assert not (tmp_path / "owned").exists()


def test_raw_and_averaged_generators(tmp_path):
    path = nvidia.write(tmp_path / "a.pkl", nvidia.snapshot())
    for weights, name, seed in (("averaged", "G_ema", 3), ("raw", "G", 1)):
        found = pickles.read_pickle(path, weights)
        assert_state(found.networks["generator"], wanted(nvidia.Generator(seed)))
        assert found.taken == {"generator": name, "discriminator": "D"}
        assert ({"G", "G_ema"} - {name}).issubset(found.left_out)
    with pytest.raises(CheckpointError, match=r"averaged weights only \(G_ema\), no raw ones"):
        pickles.read_pickle(nvidia.write(tmp_path / "b.pkl", {"G_ema": nvidia.Layer(7)}), "raw")


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()])
def test_no_file(tmp_path, make):
    make(tmp_path / "a.pkl")
    assert "cannot be read" in nvidia.refusal(tmp_path / "a.pkl")
    assert "is no file" in nvidia.refusal(tmp_path / "a.pkl", reading.read_networks)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1], "holds a list of 1 numbers (losses, perhaps), no network"),
        ([1], "of pickles, those of stylegan2-ada-pytorch ({G, D, G_ema}), of TensorFlow GANs (G, D, Gs) and plain"),
        ({"epoch": 1}, "holds nothing but epoch, no network"),
        (np.zeros(3, np.float32), "holds one array (codes, perhaps), no network"),
        ((nvidia.Network({}),) * 2, "holds a list of 2 entries, no network"),
        (nvidia.Network({}), "holds a Network"),
        ({"D": nvidia.Layer(1)}, "holds no generator"),
        ({"G": 1, "D": nvidia.Layer(1)}, "holds no generator"),
    ],
)
def test_files_without_networks(tmp_path, content, told):
    assert told in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", content))


def test_a_state_dict_that_was_pickled_by_itself(tmp_path):
    state = {"main.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "main.1.number": np.array(5)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(state))
    found = reading.read_networks(tmp_path / "a.pkl")
    assert list(found) == [""]
    assert found[""].keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(found[""][name], value)


def broken(change):
    network = nvidia.Network(VARIABLES)
    change(network.state)
    return (network,) * 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (broken(lambda s: s.pop("variables")), "Theano version"),
        (broken(lambda s: s.update(variables=[("a", "text")])), "a is no tensor"),
        (broken(lambda s: s.update(variables=[("a", np.zeros(2, complex))])), "a is no array of plain numbers"),
        (broken(lambda s: s.update(variables=[("a", np.array(["b"]))])), "a is no array of plain numbers"),
        (broken(lambda s: s.update(variables=[("a", 1.0), ("a", 2.0)])), "has a twice"),
        (broken(lambda s: s.update(variables=[("a", np.float32("nan"))])), "a holds NaN or infinite numbers"),
        (broken(lambda s: s.update(variables=[("a", 1e300)])), "a holds NaN or infinite numbers"),
        (broken(lambda s: s.update(variables=7)), "damaged"),
        (broken(lambda s: s.update(components={"part": 7})), "part/ is no network"),
        (broken(lambda s: s.update(components=7)), "damaged"),
    ],
)
def test_networks_that_are_none(tmp_path, content, told):
    assert told in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", content))


def test_modules_that_are_none(tmp_path):
    layer = nvidia.Layer(1)
    layer.__dict__["_modules"]["part"] = 7
    assert "part. is no module" in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", {"G": layer}))
    layer = nvidia.Layer(1)
    layer.__dict__["_buffers"]["noise"] = {"a": 7}
    assert "noise is no tensor" in nvidia.refusal(nvidia.write(tmp_path / "a.pkl", {"G": layer}))


def test_messages_stay_one_line(tmp_path):
    name = "a\nb\x1b[31m" + "c" * 500
    assert nvidia.refusal(nvidia.write(tmp_path / "a.pkl", (nvidia.Network({name: "text"}),) * 3)).isprintable()
    body = b"\x80\x04" + b"".join(b"X" + struct.pack("<I", 500) + b"\n" * 250 + b"x" * 250 for _ in range(2)) + b"\x93."
    (tmp_path / "a.pkl").write_bytes(body)
    assert nvidia.refusal(tmp_path / "a.pkl").isprintable()


def test_torch_is_not_needed(tmp_path, monkeypatch):
    path = nvidia.write(tmp_path / "a.pkl", nvidia.snapshot())
    monkeypatch.setitem(sys.modules, "torch", None)
    assert reading.read_networks(path).keys() == {"generator", "discriminator"}


def test_files_by_torch_are_told_apart(tmp_path):
    for zipped in (True, False):
        torch.save({"a": torch.ones(2)}, tmp_path / "a.pkl", _use_new_zipfile_serialization=zipped)
        assert not pickles.is_pickle(tmp_path / "a.pkl")
        assert reading.read_networks(tmp_path / "a.pkl")[""]["a"].tolist() == [1, 1]
    # The content decides, not the name.
    found = reading.read_networks(nvidia.write(tmp_path / "a.pth", nvidia.snapshot()))
    assert set(found.left_out) == {"G", "training_set_kwargs"}
