"""Converters from published PyTorch checkpoints to model folders: one file per format, the only importers of torch.

>>> from gprior_converters.convert import LAYOUTS
>>> sorted(LAYOUTS)[:2]
['dcgan_discriminator', 'dcgan_generator']
"""
