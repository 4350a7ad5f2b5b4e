"""``gprior report``."""

from cli.restoring import run
from gprior_jax.cli.main import main


def test_a_report_is_written_again_as_it_was(inputs, little, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("invert", inputs, little, out, "--perceptual", "none") == 0
    before = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    capsys.readouterr()
    assert main(["report", str(out)]) == 0
    assert capsys.readouterr().out == f"{out / 'report.html'}\n"
    assert (out / "report.html").read_bytes() == before


def test_report_of_a_folder_that_is_none(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "run.json" in capsys.readouterr().err
