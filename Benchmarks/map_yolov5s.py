"""Mean average precision of a YOLOv5s detector, quantized with and without error compensation.

    python map_yolov5s.py FOLDER [--scenes 400] [--bits 8,4,3,2] [--methods round,compensate] [ARGUMENT...]
    python map_yolov5s.py FOLDER --model FILE.onnx

FOLDER holds MODEL.onnx, calibration.npy, test-images.npy (uint8, N x 3 x H x W) and test-labels.json (COCO annotations, whose
category is the index of the class). The output of the network is N x boxes x (5 + classes): centre x, centre y, width and
height in pixels, objectness, class scores. Models are run by onnxruntime. Further arguments go to `rankwise quantize`.

The measure is mAP50: average precision at an IoU of 0.5, interpolated at 101 points, averaged over the classes that occur.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import support

# A box below this score is not a detection; of the others, the best 100 of a scene that overlap no better box of the
# same class by more than half.
LEAST_SCORE, MOST_BOXES, OVERLAP = 0.05, 100, 0.5
IOU = 0.5


def iou(box, boxes):
    """Returns the intersection over union of one box with n boxes (left, top, right, bottom)."""
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    shared = width.clip(0) * height.clip(0)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return shared / ((box[2] - box[0]) * (box[3] - box[1]) + areas - shared)


def detections(output):
    """Returns boxes, scores and classes found in one scene, best first, after non-maximum suppression."""
    scores = output[:, 5:] * output[:, 4:5]
    classes, score = scores.argmax(1), scores.max(1)
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > LEAST_SCORE][:MOST_BOXES]
    centre, half = output[order, :2], output[order, 2:4] / 2
    boxes, score, classes = np.concatenate((centre - half, centre + half), 1), score[order], classes[order]
    alive = np.ones(len(boxes), bool)
    for index in range(len(boxes)):
        if alive[index]:
            rest = slice(index + 1, None)
            alive[rest] &= ~((iou(boxes[index], boxes[rest]) > OVERLAP) & (classes[rest] == classes[index]))
    return boxes[alive], score[alive], classes[alive]


def average_precision(found, total):
    """Returns the 101-point average precision of one class from (score, hit) pairs and the number of true boxes."""
    found = sorted(found, reverse=True)
    hits = np.cumsum([hit for _, hit in found])
    recall, precision = hits / total, hits / np.arange(1, len(found) + 1)
    return np.mean([
        precision[recall >= level].max() if (recall >= level).any() else 0 for level in np.linspace(0, 1, 101)])


def mean_average_precision(outputs, truth):
    """Returns mAP50 of the outputs, scene by scene, against (boxes, classes) of each scene."""
    classes = outputs.shape[2] - 5
    found, total = [[] for _ in range(classes)], np.zeros(classes)
    for output, (true_boxes, true_classes) in zip(outputs, truth):
        np.add.at(total, true_classes, 1)
        used = np.zeros(len(true_boxes), bool)
        for box, score, kind in zip(*detections(output)):
            hit = False
            if len(true_boxes):
                overlap = iou(box, true_boxes) * (true_classes == kind) * ~used
                best = overlap.argmax()
                hit = bool(overlap[best] >= IOU)
                used[best] |= hit
            found[kind].append((score, hit))
    return float(np.mean([average_precision(found[kind], total[kind]) for kind in range(classes) if total[kind]]))


def read_truth(path, scenes):
    """Returns (boxes, classes) of the first scenes from COCO annotations."""
    truth = [([], []) for _ in range(scenes)]
    for annotation in json.loads(path.read_text())["annotations"]:
        if annotation["image_id"] < scenes:
            left, top, width, height = annotation["bbox"]
            boxes, classes = truth[annotation["image_id"]]
            boxes.append((left, top, left + width, top + height))
            classes.append(annotation["category_id"])
    return [(np.array(boxes, np.float64).reshape(-1, 4), np.array(classes, np.int64)) for boxes, classes in truth]


def main():
    # Abbreviations are off: they would take --keep, which is an option of `rankwise quantize`.
    parser = argparse.ArgumentParser(description="Prints a detector's mAP50 by bits and method.", allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--model", type=Path, help="measure this model only")
    parser.add_argument("--bits", default="8,4,3,2")
    parser.add_argument("--methods", default="round,compensate")
    parser.add_argument("--keep-models", type=Path, default=support.ROOT / ".build/benchmarks/map")
    arguments, passed_on = parser.parse_known_args()

    model = next(arguments.folder.glob("*.onnx"))
    samples = support.read_samples(
        arguments.folder / "test-images.npy", support.input_names(model), arguments.scenes)
    count = len(next(iter(samples.values())))
    truth = read_truth(arguments.folder / "test-labels.json", count)

    def map50(path):
        (output,) = support.run_onnxruntime(path, samples).values()
        return mean_average_precision(output, truth)

    if arguments.model:
        print(f"mAP50 on {count} scenes: {map50(arguments.model):.4f}")
        return
    support.quantize_table(
        map50, model, arguments.folder / "calibration.npy", passed_on, arguments.bits.split(","),
        arguments.methods.split(","), arguments.keep_models, f"mAP50 on {count} scenes")


if __name__ == "__main__":
    main()
