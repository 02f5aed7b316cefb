"""``neuronxcc.nki.isa`` (NKI 2.21 to 2.26): instructions that return their result as a tile, over the records of :mod:`nki.isa`."""
from nki._target import get_nc_version  # noqa: F401

from .._matmul import nc_matmul, nc_transpose  # noqa: F401
from ..language._creation import memset  # noqa: F401
from ..language._movement import dma_transpose  # noqa: F401
from ..language._random import dropout  # noqa: F401
from . import constants  # noqa: F401
from ._dma import dma_copy, tensor_copy_dynamic_dst, tensor_copy_dynamic_src  # noqa: F401
from ._engines import (  # noqa: F401
    activation,
    activation_reduce,
    reciprocal,
    scalar_tensor_tensor,
    tensor_copy,
    tensor_partition_reduce,
    tensor_reduce,
    tensor_scalar,
    tensor_scalar_reduce,
    tensor_tensor,
    tensor_tensor_scan,
)
from ._pattern import affine_select, iota  # noqa: F401
from ._search import (  # noqa: F401
    bn_aggr,
    bn_stats,
    builtin_custom_op,
    local_gather,
    max8,
    nc_find_index8,
    nc_match_replace8,
    nc_stream_shuffle,
    range_select,
    select_reduce,
    sequence_bounds,
    tensor_copy_predicated,
    tensor_scalar_cumulative,
)
from .constants import dge_mode, dma_engine, engine, nc_version, oob_mode, reduce_cmd  # noqa: F401

tensor_engine = engine.tensor
vector_engine = engine.vector
scalar_engine = engine.scalar
gpsimd_engine = engine.gpsimd
unknown_engine = engine.unknown


class fp32:
    """Constants of float32."""

    min = -3.4028234663852886e38
