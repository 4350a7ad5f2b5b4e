import pytest

from gprior_jax.training.config import Moment, PGGANConfig, StyleGAN2Config

SMALL = PGGANConfig(
    resolution=32, base_channels=64, max_channels=8, batch_size=4, images_per_level=(10, 40), fade_fraction=0.5
)


def test_channels():
    assert SMALL.channels == (8, 8, 4, 2)
    assert PGGANConfig().channels == (128, 128, 128, 64, 32)


def test_levels_last_whole_batches_and_the_last_number_serves_the_rest():
    assert SMALL.total_images == 8 + 40 + 40


def test_a_list_of_levels_is_taken_as_a_tuple():
    config = PGGANConfig(images_per_level=[64, 64])
    assert config == PGGANConfig(images_per_level=(64, 64))
    assert hash(config) == hash(PGGANConfig(images_per_level=(64, 64)))


@pytest.mark.parametrize(
    ("seen", "moment"),
    [
        (0, Moment(1, 1.0, False, 0)),
        (4, Moment(1, 1.0, False, 1)),
        (8, Moment(2, 0.0, True, 0)),
        (12, Moment(2, 0.2, False, 1)),
        (24, Moment(2, 0.8, False, 4)),
        (28, Moment(2, 1.0, False, 5)),
        (44, Moment(2, 1.0, False, 9)),
        (48, Moment(3, 0.0, True, 0)),
        (84, Moment(3, 1.0, False, 9)),
        (1000, Moment(3, 1.0, False, 238)),
    ],
)
def test_moments(seen, moment):
    found = SMALL.moment(seen)
    assert found == moment._replace(fade=pytest.approx(moment.fade))


def test_each_level_starts_once_and_only_grows():
    moments = [SMALL.moment(seen) for seen in range(0, SMALL.total_images, SMALL.batch_size)]
    assert sum(moment.starts_level for moment in moments) == 2
    levels = [moment.level for moment in moments]
    assert levels == sorted(levels)
    assert {4 << level for level in levels} == {8, 16, 32}


def test_one_level():
    config = PGGANConfig(resolution=8, batch_size=4, images_per_level=(8,))
    assert config.total_images == 8
    assert config.moment(4) == Moment(1, 1.0, False, 1)


def test_equal_settings_are_one_compilation():
    # Configurations are static arguments of the step.
    assert hash(PGGANConfig(seed=3)) == hash(PGGANConfig(seed=3))
    assert PGGANConfig(seed=3) != PGGANConfig(seed=4)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"resolution": 48}, "resolution 48: use a power of two from 8 to 1024"),
        ({"resolution": 2048}, "use a power of two"),
        ({"start_resolution": 4}, "start_resolution 4: use a power of two"),
        ({"resolution": 16, "start_resolution": 32}, "start_resolution 32 is above resolution 16"),
        ({"images_per_level": ()}, "every level needs at least one batch"),
        ({"images_per_level": (48_000, 31)}, "every level needs at least one batch"),
        ({"batch_size": 30}, "batch_size 30 is no multiple of minibatch_group 4"),
        ({"image_channels": 2}, "image_channels 2: use 1"),
    ],
)
def test_settings_that_cannot_be(settings, told):
    with pytest.raises(ValueError, match=told):
        PGGANConfig(**settings)


def test_a_batch_smaller_than_a_group_is_one_group():
    assert PGGANConfig(batch_size=3, minibatch_group=4).batch_size == 3


def test_stylegan2():
    config = StyleGAN2Config(images=1000, batch_size=16)
    assert config.total_images == 992
    assert config.size_at(0) == config.size_at(900) == 64
    assert config.progress(3) == {"resolution": 64}


def test_classes_come_in_between_two_numbers_of_images():
    config = StyleGAN2Config(num_classes=4, condition_from=160, condition_until=480)
    found = [config.conditioning(seen) for seen in (0, 160, 240, 320, 480, 4800)]
    assert found == [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    assert config.progress(240) == {"resolution": 64, "condition": "0.250"}
    at_once = StyleGAN2Config(num_classes=4, condition_from=160, condition_until=160)
    assert [at_once.conditioning(seen) for seen in (0, 159, 160)] == [0.0, 0.0, 1.0]
    assert StyleGAN2Config(num_classes=4).conditioning(0) == 1.0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"num_classes": 4, "condition_from": 32, "condition_until": 16}, "condition_from 32 and condition_until 16"),
        ({"condition_until": 16}, "in a run with num_classes"),
        ({"resolution": 48}, "resolution 48: use a power of two"),
        ({"images": 15}, "images 15: the run needs at least one batch of 16"),
        ({"batch_size": 1, "minibatch_group": 1}, "path_shrink 2 leaves nothing of a batch of 1"),
    ],
)
def test_stylegan2_settings_that_cannot_be(settings, told):
    with pytest.raises(ValueError, match=told):
        StyleGAN2Config(**settings)
