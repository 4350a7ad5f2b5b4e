#!/usr/bin/env bash
#SBATCH --job-name=gprior
#SBATCH --array=0-15
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
# Invert a folder by an array job: every task does its share, all write into one folder on a disk that they share.
# A task that is killed or requeued goes on where it was; the last one to end writes the report.
#     sbatch slurm_array.sh PHOTOS RESULTS [FLAGS OF gprior invert]
set -euo pipefail
photos=$1 results=$2
shift 2
# Tasks are numbered from 0: as many shares as --array has tasks.
exec gprior invert "$photos" --out "$results" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" "$@"
