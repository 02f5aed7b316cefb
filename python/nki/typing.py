"""Annotations of kernel parameters: ``a: tensor[nl.float32, 128, 512]``. They document; nothing checks them."""


class _Annotation:
    def __init__(self, name, parts=()):
        self.name = name
        self.parts = parts

    def __getitem__(self, parts):
        return _Annotation(self.name, parts if isinstance(parts, tuple) else (parts,))

    def __call__(self, *parts):
        return _Annotation(self.name, parts)

    def __repr__(self):
        return self.name + ("[%s]" % ", ".join(map(str, self.parts)) if self.parts else "")


tensor = _Annotation("tensor")
mutable_tensor = _Annotation("mutable_tensor")
scalar = _Annotation("scalar")
