#!/bin/bash
# A quantization on four nodes under PBS (OpenPBS, PBS Pro):
#
#   qsub -v MODEL=/data/model,CALIBRATION=/data/wiki.txt,OUTPUT=/data/model-w4,OPTIONS='--bits 4' Launch/pbs.sh
#
# Change `select` to what your nodes have: mpiprocs ranks on each of the nodes, one for each NUMA node (or 16 to 32 cores), with ompthreads cores
# each. The output has the same bytes whatever you choose.
#
#PBS -N rankwise
#PBS -l select=4:ncpus=16:mpiprocs=1:ompthreads=16
#PBS -l place=scatter:excl
#PBS -l walltime=04:00:00
#PBS -j oe
#
# Environment: MODEL, CALIBRATION, OUTPUT; OPTIONS (words for `rankwise quantize`), RANKWISE (the program, default rankwise in PATH),
# RANKWISE_NETWORK (the fast network, such as 10.1.0.0/16 or ib0: where nodes have several), RANKWISE_COMM_BENCH=1 (measure the network first).
set -euo pipefail
cd "${PBS_O_WORKDIR:-.}"
rankwise=${RANKWISE:-rankwise}
# module load openmpi      # the Open MPI that rankwise was built with

for variable in MODEL CALIBRATION OUTPUT PBS_NODEFILE; do
  [ -n "${!variable:-}" ] || { echo "pbs.sh: $variable is not set; see the head of this file" >&2; exit 2; }
done
command -v "$rankwise" >/dev/null || { echo "pbs.sh: $rankwise is not in PATH; set RANKWISE" >&2; exit 1; }

# $PBS_NODEFILE has a line for each rank. PBS sets OMP_NUM_THREADS to ompthreads.
threads=${OMP_NUM_THREADS:-1}
hosts=$(sort -u "$PBS_NODEFILE" | wc -l)
ranks=$(($(wc -l <"$PBS_NODEFILE") / hosts))
# Debian's Open MPI has no PBS support (tm), so it starts ranks by ssh on the hosts of a file. One that has it ignores neither.
hostfile=$(mktemp)
trap 'rm -f "$hostfile"' EXIT
sort -u "$PBS_NODEFILE" | sed "s/\$/ slots=$((ranks * threads))/" >"$hostfile"

# Copies through shared memory: never slower than reading another process, which containers forbid (measured, Benchmarks/cluster).
export OMPI_MCA_btl_vader_single_copy_mechanism=none
# A node that is lost ends the job after 45 seconds, not 8 minutes.
export OMPI_MCA_oob_tcp_keepalive_time=30 OMPI_MCA_oob_tcp_keepalive_intvl=5 OMPI_MCA_oob_tcp_keepalive_probes=3
if [ -n "${RANKWISE_NETWORK:-}" ]; then
  export OMPI_MCA_btl_tcp_if_include=$RANKWISE_NETWORK OMPI_MCA_oob_tcp_if_include=$RANKWISE_NETWORK
fi
# Another BLAS kernel than the CPU's best halves the speed.
unset OPENBLAS_CORETYPE

# Each rank is bound to its cores, and takes as many threads from its affinity mask.
launch=(mpirun --hostfile "$hostfile" --map-by "ppr:$ranks:node:PE=$threads" --bind-to core --report-bindings)
if [ -n "${RANKWISE_COMM_BENCH:-}" ]; then "${launch[@]}" "$rankwise" comm-bench --sizes 1MiB..64MiB; fi
read -ra options <<<"${OPTIONS:-}"
"${launch[@]}" "$rankwise" quantize "$MODEL" --calibration "$CALIBRATION" --output "$OUTPUT" --resume ${options[@]+"${options[@]}"}
