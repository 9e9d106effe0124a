#!/bin/bash
# A quantization on four nodes under Flux:
#
#   flux batch Launch/flux.sh MODEL --calibration DATA --output OUT [OPTION...]
#
# Arguments go to `rankwise quantize`. Change the numbers to what your nodes have: one rank for each NUMA node (or 16 to 32 cores), each with all
# its cores. The output has the same bytes whatever you choose. Submit it again when it was interrupted: it goes on behind the last finished
# stage (--resume).
#
# flux: -N 4
# flux: -n 4
# flux: -c 16
# flux: --exclusive
# flux: -t 4h
# flux: --job-name=rankwise
# flux: --output=rankwise-{{id}}.log
#
# Environment: RANKWISE (the program, default rankwise in PATH), RANKS (4) and CORES (16) as above, RANKWISE_NETWORK (the fast network, such as
# 10.1.0.0/16 or ib0: where nodes have several), RANKWISE_COMM_BENCH=1 (measure the network first).
set -euo pipefail
rankwise=${RANKWISE:-rankwise}
nodes=$(flux resource list -n -o '{nnodes}' -s free,allocated | awk '{ sum += $1 } END { print sum }')
ranks=${RANKS:-$nodes}
cores=${CORES:-16}
# module load openmpi      # the Open MPI that rankwise was built with

[ $# -gt 0 ] || { echo "usage: flux batch $0 MODEL --calibration DATA --output OUT [OPTION...]" >&2; exit 2; }
command -v "$rankwise" >/dev/null || { echo "flux.sh: $rankwise is not in PATH; set RANKWISE" >&2; exit 1; }

# Copies through shared memory: never slower than reading another process, which containers forbid (measured, Benchmarks/cluster).
export OMPI_MCA_btl_vader_single_copy_mechanism=none
if [ -n "${RANKWISE_NETWORK:-}" ]; then export OMPI_MCA_btl_tcp_if_include=$RANKWISE_NETWORK; fi
# Sums between nodes in a pipeline of segments that are sent at once, rows in a ring; under mpirun rankwise sets this itself.
if [ "$nodes" -gt 1 ]; then
  export OMPI_MCA_coll_tuned_use_dynamic_rules=1 OMPI_MCA_coll_tuned_reduce_algorithm=3
  export OMPI_MCA_coll_tuned_reduce_algorithm_segmentsize=61440 OMPI_MCA_coll_tuned_allgatherv_algorithm=3
fi
# Another BLAS kernel than the CPU's best halves the speed.
unset OPENBLAS_CORETYPE

# Flux binds each rank to its cores, and a rank takes as many threads from its affinity mask. Open MPI 4 finds its peers by Flux's own
# PMI (component pmix/flux, which Debian's package has); Open MPI 5 needs flux-pmix and `-o pmi=pmix`.
launch=(flux run -N "$nodes" -n "$ranks" -c "$cores" -o cpu-affinity=per-task)
if [ -n "${RANKWISE_COMM_BENCH:-}" ]; then "${launch[@]}" "$rankwise" comm-bench --sizes 1MiB..64MiB; fi
"${launch[@]}" "$rankwise" quantize "$@" --resume
