"""Annotations of older kernels: ``a: tensor[128, 512] = nl.load(...)``. They say shapes to readers and are not checked."""


class _Meta(type):
    def __getitem__(cls, shape):
        return cls

    def __instancecheck__(cls, instance):
        return hasattr(instance, "type_name")


class tensor(metaclass=_Meta):
    """A tensor of any memory."""


class mutable_tensor(tensor):
    """A tensor argument that the kernel writes."""


class scalar(metaclass=_Meta):
    """A number."""


Tensor = tensor
