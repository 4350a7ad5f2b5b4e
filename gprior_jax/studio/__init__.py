"""The studio: photographs inverted and edited on a page that this machine serves.

What is done is what the commands do, with one photograph each: sessions are folders of their output folders. It needs
the extra ``studio``.
"""
