"""The launch: which core runs, how many there are, what the target's tiles are, which instructions keep their order."""
from contextlib import contextmanager

from .. import _isa_generated as isa
from .._target import current_target
from .._trace import current

__all__ = ["no_reorder", "num_programs", "program_id", "program_ndim", "tile_size"]


def program_id(axis=0):
    """The index of the core that runs: 0, or 1 on the second core of an LNC 2 launch."""
    _axis(axis)
    return current().core


def num_programs(axes=0):
    """The number of cores of the launch."""
    _axis(axes)
    return current().cores


def program_ndim():
    """1 in a launch of two cores, else 0."""
    return 1 if current().cores > 1 else 0


def _axis(axis):
    if axis not in (0, None, (0,), [0], ()):
        raise ValueError("axis %r of the launch does not exist; a launch has one axis of at most 2 cores" % (axis,))


@contextmanager
def no_reorder():
    """Keeps the instructions inside in program order."""
    trace = current()
    trace.words += (isa.ORDER, 1)
    trace.ordered += 1
    try:
        yield
    finally:
        trace.ordered -= 1
        trace.words += (isa.ORDER, 0)


def _fact(name, doc, scale=1):
    return property(lambda _: isa.TARGETS[current_target()][name] // scale, doc=doc)


class _TileSize:
    """Tile sizes of the current target."""

    pmax = _fact("pmax", "Partitions.")
    psum_fmax = _fact("psum_bank_fmax", "Old name of psum_bank_fmax.")
    psum_bank_fmax = _fact("psum_bank_fmax", "fp32 elements of a PSUM bank in one partition.")
    psum_bank_fmax_bytes = _fact("psum_bank_fmax_bytes", "Bytes of a PSUM bank in one partition.")
    psum_num_banks = _fact("psum_num_banks", "PSUM banks of a partition.")
    psum_min_align = _fact("psum_min_align", "Alignment of PSUM addresses in bytes.")
    gemm_stationary_fmax = _fact("gemm_stationary_fmax", "Columns of a stationary tile.")
    gemm_moving_fmax = _fact("gemm_moving_fmax", "Columns of a moving tile.")
    sbuf_min_align = _fact("sbuf_min_align", "Alignment of SBUF addresses in bytes.")
    sbuf_size_bytes = _fact("sbuf_size_bytes", "Bytes of SBUF.")
    sbuf_fmax = _fact("sbuf_fmax_bytes", "fp32 elements of an SBUF partition.", 4)
    sbuf_fmax_bytes = _fact("sbuf_fmax_bytes", "Usable bytes of an SBUF partition.")
    total_available_sbuf_size = _fact("sbuf_fmax_bytes", "Old name of sbuf_fmax_bytes.")
    #: Elements that bn_stats takes at once, on every generation (NKI API reference, nl.tile_size).
    bn_stats_fmax = 512


tile_size = _TileSize()
