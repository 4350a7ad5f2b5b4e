#!/usr/bin/env bash
#SBATCH --job-name=gprior
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --time=04:00:00
#SBATCH --requeue
# Invert a folder by all nodes of one job, a process each; process 0 tells how far all are, and writes the report.
# Under Slurm JAX gives every process one GPU unless JAX_LOCAL_DEVICE_IDS names more.
#     sbatch slurm_hosts.sh PHOTOS RESULTS [FLAGS OF gprior invert]
set -euo pipefail
photos=$1 results=$2
shift 2
export JAX_LOCAL_DEVICE_IDS=${JAX_LOCAL_DEVICE_IDS-0,1,2,3}
# The others go on when one process dies: srun is not to end them.
exec srun --kill-on-bad-exit=0 gprior invert "$photos" --out "$results" --distributed --devices "${DEVICES:-4}" "$@"
