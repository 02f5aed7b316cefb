"""Which chip a kernel is traced for."""
import os

from . import _isa_generated as isa
from ._enums import nc_version
from ._errors import NkiInputError

VARIABLE = "NEURON_PLATFORM_TARGET_OVERRIDE"
DEFAULT = "trn2"


def target_named(name):
    """The chip's own name for a name or alias."""
    found = isa.ALIASES.get(str(name).lower())
    if found is None:
        raise NkiInputError("target %s is not a chip we know; choose one of %s" % (name, ", ".join(sorted(isa.ALIASES))), "target")
    return found


def register_target(name, facts):
    """Makes a chip known that the tables lack, such as a user's own."""
    isa.TARGETS[name] = facts
    isa.ALIASES[name.lower()] = name


def current_target():
    """The chip of the kernel being traced, else the one that the environment asks for."""
    if isa.trace is not None:
        return isa.trace.target
    return target_named(os.environ.get(VARIABLE) or DEFAULT)


def get_nc_version():
    """The NeuronCore generation of the current target."""
    return nc_version(isa.TARGETS[current_target()]["generation"])


def get_nc_sub_version():
    """The silicon revision of the current target; 0 is the first."""
    return 0
