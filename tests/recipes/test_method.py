"""Methods by name: those of the files in ``recipes``, and of the user's own."""

import inspect

import pytest

from gprior_jax import recipes
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.recipes import METHODS, Method, find_method, register

NAMES = ("mganprior", "z", "w", "w_plus", "projector", "pti", "pulse", "image2stylegan", "image2stylegan_pp")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_s_method_is_found_and_takes_the_arguments_of_its_recipe(name):
    method = find_method(name)
    assert method.name == name
    assert isinstance(method.recipe(), Recipe)
    assert method.summary
    assert method.options == tuple(inspect.signature(method.recipe).parameters)
    assert {"preset", "num_steps", "restarts", "tolerance"} <= set(method.options)
    assert "space" not in method.options or name not in ("z", "w", "w_plus")


def test_pivotal_tuning_takes_one_image_at_once():
    assert find_method("pti").batch_size == 1
    assert find_method("projector").batch_size is None


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ArgumentError, match=r"method 'magic': use .*mganprior.*pulse"):
        find_method("magic")


def test_one_of_the_user_s_own(monkeypatch):
    monkeypatch.setattr(recipes.method, "METHODS", dict(METHODS))

    def own(strength: float = 0.5) -> Recipe:
        return recipes.latent("z", num_steps=int(10 * strength), perceptual=None)

    register(Method("own", "mine", own))
    assert find_method("own").options == ("strength",)
    assert find_method("own").recipe(strength=0.3).solver.num_steps == 3
    register(Method("own", "mine", own))  # The same once more is no other.
    with pytest.raises(ArgumentError, match="there is a method 'own' already"):
        register(Method("own", "another", lambda: own()))
    with pytest.raises(ArgumentError, match="the recipe of 'needy' needs strength, space"):
        register(Method("needy", "", lambda strength, space, *, preset="fast": own()))
    assert "needy" not in recipes.method.METHODS
    assert "own" not in METHODS
