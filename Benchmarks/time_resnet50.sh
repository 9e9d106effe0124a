#!/usr/bin/env bash
# Wall time of one calibrate-and-quantize of the full-size ResNet-50, at 1 and 2 ranks with one thread each, and its phases.
#
#   Benchmarks/time_resnet50.sh [ARGUMENT...]      arguments go to `rankwise quantize`
#
# PYTHON names a Python with Benchmarks/requirements.txt, which makes model and images on the first run. RANKS and THREADS change
# what is measured: RANKS="1 2 4" THREADS=2.
set -euo pipefail
cd "$(dirname "$0")/.."
rankwise=${RANKWISE:-.build/release/rankwise}
folder=.build/benchmarks/resnet50
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# A core type forced from outside may choose slower kernels.
unset OPENBLAS_CORETYPE
[ -f "$folder/images.npy" ] || "${PYTHON:-python3}" Benchmarks/make_resnet50.py --output "$folder"

sed -n 's/^model name\s*: /CPU: /p' /proc/cpuinfo | head -n 1
echo "cores: $(nproc), load before: $(cut -d ' ' -f 1 /proc/loadavg)"
for ranks in ${RANKS:-1 2}; do
  started=$(date +%s.%N)
  mpirun --oversubscribe -np "$ranks" "$rankwise" quantize "$folder/resnet50.onnx" --calibration "$folder/images.npy" \
    --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --output "$folder/resnet50-w4.onnx" --threads "${THREADS:-1}" \
    --report "$folder/$ranks-ranks.json" "$@" >"$folder/$ranks-ranks.log"
  printf '\n%s ranks, %s threads each: %.1f s\n' "$ranks" "${THREADS:-1}" \
    "$(echo "$(date +%s.%N) $started" | awk '{print $1 - $2}')"
  awk '/^Phases/ { table = 1 } table && /^$/ { exit } table' "$folder/$ranks-ranks.log"
done
