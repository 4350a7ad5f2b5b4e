"""The encoder of a run, of one code or of several, and the mean metric measured with it, into a folder that is shipped.

    python benchmarks/bundle_encoder.py runs/portraits-encoder --into gprior_jax/data/builtin-portraits

Weights are stored in 16 bits. Everything else in the folder stays as it is; its README is to be brought up to date by
hand.
"""

import argparse
import dataclasses
import shutil
import tempfile
from pathlib import Path

import jax
import numpy as np

from gprior_jax import zoo
from gprior_jax.summary import fingerprint


def main() -> None:
    """Replace weights and description."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("run", type=Path, help="folder that gprior train encoder wrote")
    made.add_argument("--into", type=Path, required=True, help="model folder of the same prior")
    args = made.parse_args()
    prior, found = zoo.load(args.into), zoo.load(args.run / "model")
    if fingerprint(prior.params) != fingerprint(found.params):
        raise SystemExit(f"{args.run} is of another generator than {args.into}.")
    facts = zoo.read_config(args.into)["provenance"]
    told = zoo.read_config(args.run / "model")["provenance"]
    facts |= {role: told[role] for role in ("encoder", "multi_encoder") if role in told}
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "model"
        beside = {"encoder": found.encoder, "multi_encoder": found.multi_encoder, "metric": found.metric}
        complete = dataclasses.replace(prior, **beside)
        zoo.save(complete, whole, provenance=facts, dtype="float16")
        shutil.rmtree(args.into / "params")
        shutil.copytree(whole / "params", args.into / "params")
        shutil.copy(whole / "config.json", args.into / "config.json")
    after = zoo.load(args.into)
    jax.tree.map(np.testing.assert_array_equal, prior.params, after.params)


if __name__ == "__main__":
    main()
