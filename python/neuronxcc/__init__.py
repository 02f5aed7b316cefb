"""The older import path of NKI. ``neuronxcc.nki`` here traces kernels into the same records as :mod:`nki`."""
