"""Files as NVIDIA's programs write them: classes of the same names, in modules that exist only while writing."""

import contextlib
import pickle
import sys
import types

import numpy as np
import pytest
import torch
from gprior_converters import pickles

from gprior_jax.errors import CheckpointError

SOURCE = "import pathlib\npathlib.Path({path!r}).write_text('owned')\n"
"""A module's source text which, if it were run, would leave a file."""


class EasyDict(dict):
    pass


class Network:
    """A TensorFlow network: pickled by its state."""

    def __init__(self, variables, components=None, version=3, name="G", **static_kwargs):
        self.state = {
            "version": version,
            "name": name,
            "static_kwargs": static_kwargs,
            "components": dict(components or {}),
            "build_module_src": SOURCE.format(path="/nonexistent/build"),
            "build_func_name": static_kwargs.pop("build_func_name", name),
            "variables": list(variables.items()),
        }

    def __getstate__(self):
        return self.state


def _reconstruct_persistent_obj(meta):
    raise AssertionError("written only")


class Persistent(torch.nn.Module):
    """A module that is pickled as ``torch_utils.persistence`` does, with its class's source text."""

    source = ""
    meta = EasyDict

    def __init__(self, *args, **kwargs):
        super().__init__()
        self._init_args, self._init_kwargs = args, kwargs

    def __reduce__(self):
        meta = self.meta(type="class", version=6, module_src=self.source, class_name=type(self).__name__)
        meta["state"] = self.__dict__
        return (_reconstruct_persistent_obj, (meta,), None)


@contextlib.contextmanager
def modules(network="dnnlib.tflib.network"):
    """The classes' modules, importable while writing."""
    places = {
        "dnnlib.util": [EasyDict],
        network: [Network],
        "torch_utils.persistence": [_reconstruct_persistent_obj],
    }
    before = {}
    try:
        for name, contents in places.items():
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                part = ".".join(parts[:end])
                before.setdefault(part, sys.modules.get(part))
                sys.modules[part] = sys.modules[part] if before[part] else types.ModuleType(part)
            for one in contents:
                setattr(sys.modules[name], one.__name__, one)
                before[one] = one.__module__
                one.__module__ = name
        yield
    finally:
        for key, value in before.items():
            if not isinstance(key, str):
                key.__module__ = value
            elif value is None:
                sys.modules.pop(key, None)


def write(path, content, protocol=4, **places):
    """Pickle ``content`` to ``path``."""
    with modules(**places):
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


class Layer(Persistent):
    def __init__(self, seed, conv_clamp=None):
        super().__init__(seed, conv_clamp=conv_clamp)
        numbers = torch.Generator().manual_seed(seed)
        self.weight = torch.nn.Parameter(torch.randn(3, 2, generator=numbers))
        self.bias = None
        self.register_parameter("shift", None)
        self.register_buffer("noise", torch.randn(2, 2, generator=numbers).T)
        self.register_buffer("low", torch.randn(2, generator=numbers).half())
        self.register_buffer("steps", torch.tensor(seed))
        self.gain = np.sqrt(2)


class Generator(Persistent):
    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = Layer(seed), Layer(seed + 1, conv_clamp=256)
        self.names = {"a set"}
        self.register_buffer("w_avg", torch.arange(4.0)[1:3])


def tree(state, **kwargs):
    """Modules whose state dict is ``state``: arrays by dotted keys, all of them buffers."""
    root = Persistent(**kwargs)
    for key, value in state.items():
        *path, name = key.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, Persistent())
            module = module._modules[part]
        module.register_buffer(name, torch.from_numpy(value.copy()))
    return root


def snapshot(**entries):
    """Content of a stylegan2-ada-pytorch file."""
    kwargs = {
        "z_dim": 4,
        "synthesis_kwargs": EasyDict(conv_clamp=256, num_fp16_res=4, scale=np.float64(0.5)),
    }
    networks = {"G": Generator(1, **kwargs), "D": Generator(2, conv_clamp=256), "G_ema": Generator(3, **kwargs)}
    return {"training_set_kwargs": EasyDict(path="~/x.zip"), "augment_pipe": None} | networks | entries


def refusal(path, read=pickles.read_pickle):
    """The message with which a file is refused: one line that names it."""
    with pytest.raises(CheckpointError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    return message


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call
