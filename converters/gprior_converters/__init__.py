"""Converters from published PyTorch checkpoints to model folders: one file per format, the only importers of torch.

>>> from gprior_converters.convert import LAYOUTS
>>> "dcgan_generator" in LAYOUTS, "alexnet" in LAYOUTS
(True, True)
"""
