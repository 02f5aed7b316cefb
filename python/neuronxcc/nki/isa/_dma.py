"""DMA and run-time addressed copies."""
from nki import isa as _core
from nki._enums import oob_mode as _oob_mode
from nki._errors import NkiUnsupportedError

from .._operands import on_chip
from .._tile import Pending
from ..language._movement import transfer
from ..language._special import accumulate


def dma_copy(*, dst, src, mask=None, dst_rmw_op=None, oob_mode=_oob_mode.error, dge_mode=None, **kwargs):
    """dst = src by DMA; with ``dst_rmw_op=np.add`` dst += src."""
    if dst_rmw_op is not None:
        if mask is not None and mask is not True:
            raise NkiUnsupportedError("dma_copy with dst_rmw_op and a mask; copy the slice instead", "mask rmw")
        accumulate(dst, src, dst_rmw_op)
        return
    source = src.read()
    target = dst.write()
    options = {"oob_mode": oob_mode} if oob_mode is not _oob_mode.error else {}
    # A mode that the shape does not allow is chosen anew, as the compiler does.
    if getattr(dge_mode, "name", "unknown") == "hwdge" and source.dtype == target.dtype and src.space != "psum":
        options["dge_mode"] = dge_mode
    elif getattr(dge_mode, "name", "unknown") == "swdge":
        options["dge_mode"] = dge_mode
    transfer(target, source, mask, target.shape if target._x is None else source.shape, **options)


def tensor_copy_dynamic_src(src, *, mask=None, dtype=None, engine=None, **kwargs):
    """A copy from a position read at run time."""
    from ..language._movement import copy

    return copy(src, mask=mask, dtype=dtype, engine=engine)


def tensor_copy_dynamic_dst(*, dst, src, mask=None, dtype=None, engine=None, **kwargs):
    """A copy to a position read at run time."""
    source = on_chip(src, "src").read()
    options = {} if engine is None else {"engine": engine}
    _core.tensor_copy(dst.write(), source, **options)


__all__ = ["Pending", "dma_copy", "tensor_copy_dynamic_dst", "tensor_copy_dynamic_src"]
