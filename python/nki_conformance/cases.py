"""
Drivers of our own for public kernels that nothing in their repository calls with arguments: each uses the repository's reference where it
has one. Keys are paths of the kernel's file; ``{kernel}`` is its name.
"""

_ATTENTION = """
import sys
sys.argv = ["test_attention.py"]
import test_attention as t
t.test_attn_tutorial("accuracy", t.{kernel})
"""

_ADD = """
import numpy as np
from {module} import {kernel}
a, b = (np.random.random_sample((256, 1024)).astype(np.float32) for _ in range(2))
assert np.allclose({kernel}(a, b), a + b)
"""

_EXP = """
import numpy as np
from {module} import {kernel}
a = np.random.random_sample((256, 512)).astype(np.float32)
assert np.allclose({kernel}(a), np.exp(a), rtol=1e-4)
"""

# The script moves uint32 arrays through torch, which only newer ones can; these arrays go straight to the kernels.
_MX = """
import os, sys, types
import ml_dtypes, numpy as np
os.environ["NEURON_PLATFORM_TARGET_OVERRIDE"] = "trn3"


class Array:
    def __init__(self, values):
        self.values = np.asarray(values)

    def to(self, *_):
        return self

    cpu = to

    def bfloat16(self):
        return Array(self.values.astype(ml_dtypes.bfloat16))

    def float(self):
        return Array(self.values.astype(np.float32))

    def numpy(self):
        return self.values


sys.modules["torch"] = types.SimpleNamespace(from_numpy=Array, device=lambda *_: None)
sys.modules["torch_xla"] = types.SimpleNamespace(device=lambda: None)
import mx_toplevel as t

t.setup_compiler_workdir = lambda *_: None
for name, kernel in list(vars(t).items()):
    if name.startswith("kernel_"):
        setattr(t, name, lambda *a, kernel=kernel, **k: Array(kernel(*[x.values if isinstance(x, Array) else x for x in a], **k)))
fp8, fp4 = ml_dtypes.float8_e5m2, ml_dtypes.float4_e2m1fn
if "{kernel}" == "kernel_offline_quantized_mx_matmul":
    t.run_offline_quantized_matmul_mx_test(fp8)
    t.run_offline_quantized_matmul_mx_test(fp4)
elif "{kernel}" == "kernel_on_device_quantize_matmul_mx":
    t.run_on_device_quantize_matmul_mx_test(fp4, fp8)
    t.run_on_device_quantize_matmul_mx_test(fp8, fp8)
else:
    import inspect

    packs = {"pack_scales": "packed" in "{kernel}"} if "pack_scales" in inspect.signature(t.run_copy_strided_test).parameters else {}
    for copies in (True, False):
        t.run_copy_strided_test(fp8, use_tensor_copy=copies, **packs)
"""

#: file suffix -> (kernel name prefix, code)
CASES = (
    ("attention_fwd_performance/attention_kernels.py", "attn_fwd_v", _ATTENTION),
    ("attention/attention_kernels.py", "attn_fwd_v", _ATTENTION),
    ("tensor_addition/tensor_addition_nki_kernels.py", "nki_tensor_add", _ADD),
    ("mxfp-matmul/mx_kernels.py", "kernel_", _MX),
    ("nki/examples/layout-loop.py", "tensor_exp_kernel_", _EXP),
)

#: (file suffix, kernel, status, reason): where a failure is the repository's own, and why.
KNOWN = (
    (
        "contributed/pipelined_attention.py",
        "flash_fwd",
        "unsupported",
        "runs; its comparison needs NumPy 2 (assert_allclose of NumPy 1 takes no bfloat16): ",
    ),
    (
        "nki/examples/layout-violation.py",
        "tensor_exp_kernel_",
        "invalid",
        "breaks the limit of 128 partitions on purpose, to show the error: ",
    ),
    (
        "nki/test/test_nki_isa_dropout.py",
        "nki_dropout",
        "invalid",
        "drops with probabilities up to 100, and its test relies on the older simulator keeping every element: ",
    ),
)


def case_of(file, kernel):
    """The driver of a kernel, or None."""
    for suffix, prefix, code in CASES:
        if file.endswith(suffix) and kernel.startswith(prefix):
            module = "__import__('importlib').import_module(%r)" % file.rsplit("/", 1)[-1][:-3]
            code = code.replace("from {module} import {kernel}", "{kernel} = getattr(%s, {kernel_name!r})" % module)
            return code.replace("{kernel_name!r}", repr(kernel)).replace("{kernel}", kernel)
    return None


def known(file, kernel):
    """(status, reason) of a failure that is the repository's own, or None."""
    for suffix, name, status, reason in KNOWN:
        if file.endswith(suffix) and kernel == name:
            return status, reason
    return None
