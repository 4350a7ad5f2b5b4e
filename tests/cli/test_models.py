"""``gprior models``: what is bundled, and what is published."""

import json

from gprior_jax import zoo
from gprior_jax.cli.main import main


def test_models_lists_what_is_bundled(capsys):
    assert main(["models", "--json"]) == 0
    bundled = json.loads(capsys.readouterr().out)["bundled"]
    assert [entry["name"] for entry in bundled] == ["builtin", "builtin:portraits", "builtin:cells"]
    for entry in bundled:
        prior = zoo.load(entry["folder"])
        assert (prior.resolution, prior.num_layers) == (entry["resolution"], entry["layers"])


def test_models_lists_translators(capsys):
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["translators"]
    assert [entry["name"] for entry in found] == ["builtin:colors", "builtin:drawings"]
    for entry in found:
        translator = zoo.load_translator(entry["folder"])
        assert translator.trained_size == entry["resolution"] == 64
    assert main(["models"]) == 0
    assert "builtin:colors: pix2pix" in capsys.readouterr().out


def test_models_tells_where_published_files_are(capsys):
    assert main(["models", "--json"]) == 0
    published = json.loads(capsys.readouterr().out)["published"]
    facts = next(entry for entry in published if entry["name"] == "vgg16")
    assert facts["sha256"] == "397923af"
    assert facts["paper"]["arxiv"] == "1409.1556"
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    for entry in published:
        assert f"  {entry['name']}: {entry['title']}" in told
        assert (entry["address"] or entry["package"] or entry["file"]) in told
        assert entry["licence"] in told
        assert entry["paper"]["arxiv"] in told
        assert not entry["service"] or f"{entry['service']} may ask" in told


def test_models_tells_how_an_encoder_is_converted(capsys):
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    assert "does not read it" not in told
    assert "gprior convert takes it as the encoder of styleganinv_ffhq256_generator.pth" in told
