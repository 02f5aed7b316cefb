"""
Exchanges between the ranks of a launch, each of which runs the same kernel on inputs of its own. Rules are those of the engine's
records; a function here brings the documented arguments into their form. Run ranks with ``trn run --ranks N``.
"""
from operator import index as _integer

from .. import _isa_generated as _isa
from .._errors import NkiValidationError as _NkiValidationError
from .._tensor import NKIObject as _NKIObject
from .._trace import current as _current


class ReplicaGroup(_NKIObject):
    """Which ranks take part, as lists of ranks: ``ReplicaGroup([[0, 1], [2, 3]])``. Groups are disjoint and of one size."""

    def __init__(self, groups):
        try:
            self.groups = [[_integer(rank) for rank in group] for group in groups]
        except TypeError:
            raise TypeError("ReplicaGroup: groups is %r; pass lists of ranks, such as [[0, 1], [2, 3]]" % (groups,)) from None
        sizes = sorted({len(group) for group in self.groups})
        if len(sizes) != 1 or sizes[0] == 0:
            raise _NkiValidationError("ReplicaGroup: groups have %s ranks; all must have the same number, at least 1" % (sizes or "no"), "ReplicaGroup groups")

    def __repr__(self):
        return "ReplicaGroup(%r)" % (self.groups,)


def _group(group, function):
    """A replica group as the records have it: the size of a group, then all ranks."""
    if not isinstance(group, ReplicaGroup):
        raise TypeError("%s: replica_group is %r of type %s; pass an nki.collectives.ReplicaGroup" % (function, group, type(group).__name__))
    return (len(group.groups[0]), group.groups)


def _channels(lists, what):
    """The one tensor of each channel."""
    if not isinstance(lists, (list, tuple)) or not all(isinstance(channel, (list, tuple)) for channel in lists):
        raise TypeError("%s is %r; pass a list of tensors for each channel" % (what, lists))
    for number, channel in enumerate(lists):
        if len(channel) != 1:
            raise _NkiValidationError("%s has %d tensors for channel %d; pass exactly one" % (what, len(channel), number), what.replace(": ", " "))
    return [channel[0] for channel in lists]


def all_reduce(srcs, dsts, replica_group, op, priority=None, name=None):
    _isa.all_reduce(srcs, dsts, _group(replica_group, "all_reduce"), op, priority, name=name)


def all_gather(srcs, dsts, replica_group, collective_dim, priority=None, name=None):
    _isa.all_gather(srcs, dsts, _group(replica_group, "all_gather"), collective_dim, priority, name=name)


def all_gather_v(srcs, dsts, replica_group, metadata_tensor, recv_counts_known=False, has_rdispls=False, priority=None, name=None):
    group = _group(replica_group, "all_gather_v")
    _isa.all_gather_v(srcs, dsts, group, metadata_tensor, recv_counts_known, has_rdispls, priority, name=name)


def reduce_scatter(srcs, dsts, replica_group, collective_dim, op, priority=None, name=None):
    _isa.reduce_scatter(srcs, dsts, _group(replica_group, "reduce_scatter"), collective_dim, op, priority, name=name)


def all_to_all(srcs, dsts, replica_group, collective_dim, priority=None, name=None):
    _isa.all_to_all(srcs, dsts, _group(replica_group, "all_to_all"), collective_dim, priority, name=name)


def all_to_all_v(srcs, dsts, replica_group, metadata_tensor, recv_counts_known=False, has_rdispls=False, priority=None, name=None):
    group = _group(replica_group, "all_to_all_v")
    _isa.all_to_all_v(srcs, dsts, group, metadata_tensor, recv_counts_known, has_rdispls, priority, name=name)


def collective_permute(srcs, dsts, source_target_pairs, priority=None, name=None):
    _isa.collective_permute(srcs, dsts, source_target_pairs, priority, name=name)


def collective_permute_implicit(srcs_by_channel, dsts_by_channel, replica_group, channel_ids=(0,), priority=None, name=None):
    srcs = _channels(srcs_by_channel, "collective_permute_implicit: srcs_by_channel")
    dsts = _channels(dsts_by_channel, "collective_permute_implicit: dsts_by_channel")
    _isa.collective_permute_implicit(srcs, dsts, _group(replica_group, "collective_permute_implicit"), channel_ids, priority, name=name)


def collective_permute_implicit_reduce(
    srcs0_by_channel, srcs1_by_channel, dsts_by_channel, replica_group, op, channel_ids=(0,), priority=None, name=None
):
    function = "collective_permute_implicit_reduce"
    srcs0 = _channels(srcs0_by_channel, function + ": srcs0_by_channel")
    srcs1 = _channels(srcs1_by_channel, function + ": srcs1_by_channel")
    dsts = _channels(dsts_by_channel, function + ": dsts_by_channel")
    _isa.collective_permute_implicit_reduce(srcs0, srcs1, dsts, _group(replica_group, function), op, channel_ids, priority, name=name)


def collective_permute_implicit_current_processing_rank_id(iteration_id, replica_group, channel_id=0, name=None):
    dst = _current().register()
    group = _group(replica_group, "collective_permute_implicit_current_processing_rank_id")
    _isa.collective_permute_implicit_current_processing_rank_id(dst, iteration_id, group, channel_id, name=name)
    return dst


def rank_id(name=None):
    dst = _current().register()
    _isa.rank_id(dst, name=name)
    return dst


for _name in _isa.COLLECTIVES:
    globals()[_name].__doc__ = getattr(_isa, _name).__doc__
