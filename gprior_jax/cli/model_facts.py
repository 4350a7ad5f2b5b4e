"""What a model's folder tells of how it is used."""

from gprior_jax import zoo


def recommended_truncation(model: str) -> float:
    """Truncation that shows a model at its best, as far as its folder tells it; else 1."""
    told = zoo.read_config(zoo.resolve(model)).get("provenance", {}).get("truncation")
    return float(told) if isinstance(told, int | float) else 1.0


def class_names(model: str) -> list[str]:
    """Names of a model's classes, as far as its folder tells them."""
    names = zoo.read_config(zoo.resolve(model)).get("provenance", {}).get("label_names")
    return [str(name) for name in names] if isinstance(names, list) else []
