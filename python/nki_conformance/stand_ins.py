"""
Stand-ins for what a driver expects around the kernel on a Neuron machine: the XLA device of torch (tensors stay on the CPU), the older
``nki_jit`` of the framework packages, and the file that names the instance type. Real packages win where they are installed.
"""
import builtins
import importlib.machinery
import importlib.util
import io
import sys
import types

PRODUCT = "/sys/devices/virtual/dmi/id/product_name"
_INSTANCE = {"trn1": "trn1.32xlarge", "inf2": "inf2.48xlarge", "trn2": "trn2.48xlarge", "trn3": "trn3.48xlarge"}


def _there(name):
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _module(name, **members):
    made = types.ModuleType(name, "A stand-in.")
    made.__dict__.update(members)
    made.__path__ = []
    made.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    sys.modules[name] = made
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, made)
    return made


def install(target):
    """Makes the stand-ins importable."""
    if _there("torch") and not _there("torch_xla"):
        import torch

        def device(*_):
            return torch.device("cpu")

        def nothing(*_, **__):
            return None

        _module("torch_xla", device=device, sync=nothing)
        _module("torch_xla.core")
        _module("torch_xla.core.xla_model", xla_device=device, mark_step=nothing)
    for name in ("torch_neuronx", "jax_neuronx"):
        if not _there(name):
            _module(name, nki_jit=_nki_jit, nki_call=_nki_call)
    real = builtins.open

    def opened(file, *args, **kwargs):
        if file == PRODUCT:
            return io.StringIO(_INSTANCE.get(target, target) + "\n")
        return real(file, *args, **kwargs)

    builtins.open = opened


def _nki_jit(function=None, **options):
    """The older decorator of the frameworks, for the package whose names the kernel's file uses."""
    if function is None:
        return lambda f: _nki_jit(f, **options)
    import nki
    import nki.language
    from neuronxcc import nki as older

    newer = any(v is nki or v is nki.language for v in function.__globals__.values())
    return nki.jit(function) if newer else older.jit(function, mode="torchxla")


def _nki_call(function, *args, grid=(), out_shape=None, **kwargs):
    raise NotImplementedError("jax_neuronx.nki_call has no stand-in; decorate the kernel with nki.jit")
