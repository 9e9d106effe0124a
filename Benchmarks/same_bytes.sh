#!/usr/bin/env bash
# Shows that the output does not depend on the number of ranks and threads: SHA-256 at 1, 2, 3 and 4 ranks, with 1 and 2
# threads each.
#
#   Benchmarks/same_bytes.sh MODEL CALIBRATION [ARGUMENT...]     arguments go to `rankwise quantize`
#
# Ends with status 1 when two hashes differ.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model=$1 calibration=$2
shift 2
rankwise=${RANKWISE:-$(dirname "$0")/../.build/release/rankwise}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

hashes=()
echo '| ranks | threads | SHA-256 |'
echo '|---|---|---|'
for ranks in 1 2 3 4; do
  for threads in 1 2; do
    # The output has one name in all runs, in case a model ever holds its own.
    output=$folder/quantized.onnx
    mpirun --oversubscribe -np "$ranks" "$rankwise" quantize "$model" --calibration "$calibration" \
      --output "$output" --threads "$threads" "$@" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
    hash=$(cat "$output"* | sha256sum | cut -d ' ' -f 1)
    rm "$output"*
    hashes+=("$hash")
    echo "| $ranks | $threads | \`$hash\` |"
  done
done
[ "$(printf '%s\n' "${hashes[@]}" | sort -u | wc -l)" = 1 ] || { echo 'the hashes differ' >&2; exit 1; }
