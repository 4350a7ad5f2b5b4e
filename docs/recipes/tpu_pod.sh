#!/usr/bin/env bash
# Invert a folder by all hosts of a Cloud TPU; JAX finds out by itself which host is which.
#     tpu_pod.sh TPU ZONE PHOTOS RESULTS [FLAGS OF gprior invert]
# PHOTOS may be gs://BUCKET/photos; RESULTS is a folder on a disk that all hosts have mounted (Filestore).
# The same command goes on after a preemption.
set -euo pipefail
tpu=$1 zone=$2 photos=$3 results=$4
shift 4
everywhere() { gcloud compute tpus tpu-vm ssh "$tpu" --zone "$zone" --worker=all --command "$1"; }
everywhere "pip install --quiet 'gprior-jax[cli,cloud,tpu] @ git+https://github.com/gprior-jax/gprior_jax'"
# Four chips a host, as v4 and v5p have; others have more or fewer.
everywhere "$(printf '%q ' gprior invert "$photos" --out "$results" --distributed --devices "${DEVICES:-4}" "$@")"
