"""What networks share that double or halve the image's side from level to level, level 0 being 4x4."""

START_RESOLUTION = 4


def pyramid_channels(resolution: int, base: int, maximum: int) -> tuple[int, ...]:
    """Feature channels at 4, 8, ... ``resolution`` pixels: ``min(base / size, maximum)``.

    >>> pyramid_channels(64, 2048, 128)
    (128, 128, 128, 64, 32)
    """
    sizes = [START_RESOLUTION << level for level in range((resolution // START_RESOLUTION).bit_length())]
    return tuple(min(base // size, maximum) for size in sizes)


class Pyramid:
    """Mixed into a module with feature channels for every level."""

    channels: tuple[int, ...]

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return START_RESOLUTION << (len(self.channels) - 1)
