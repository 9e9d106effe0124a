"""Trains the example network: the ResNet-50 block plan 3, 4, 6, 3 at width 16 on Fashion-MNIST (28 x 28, 10 classes).

    apt-get install dataset-fashion-mnist
    pip install torch==2.13.0 onnx numpy
    python train.py [--epochs 8] [--threads 2] [--dataset FOLDER] [--output FOLDER]

Writes resnet50-fashion.onnx (opset 17, BatchNorm folded) and the data that make_data.py writes.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

import make_data

WIDTH, PLAN, CLASSES = 16, (3, 4, 6, 3), 10
BATCH, EVALUATION_BATCH = 128, 500
PEAK_LEARNING_RATE = 0.1


class Bottleneck(nn.Module):
    """Three convolutions (1 x 1, 3 x 3, 1 x 1) beside a shortcut; the output has 4 * `planes` channels."""

    def __init__(self, inputs, planes, stride):
        super().__init__()
        outputs = 4 * planes
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50(nn.Module):
    """ResNet-50 with a stem for small images: one 3 x 3 convolution and one pooling."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, WIDTH, 3, 1, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.MaxPool2d(2))
        channels, blocks = WIDTH, []
        for stage, count in enumerate(PLAN):
            planes = WIDTH * 2**stage
            for block in range(count):
                blocks.append(Bottleneck(channels, planes, 2 if block == 0 and stage > 0 else 1))
                channels = 4 * planes
        self.body = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x):
        return self.fc(functional.adaptive_avg_pool2d(self.body(self.stem(x)), 1).flatten(1))


def normalize(images):
    """Returns a uint8 tensor as the float32 input of the network."""
    return (images.float() / 255 - make_data.MEAN) / make_data.STD


def accuracy(model, images, labels):
    """Returns the share of images whose largest output is their class."""
    model.eval()
    correct = 0
    with torch.no_grad():
        for start in range(0, len(images), EVALUATION_BATCH):
            batch = slice(start, start + EVALUATION_BATCH)
            correct += (model(normalize(images[batch])).argmax(1) == labels[batch]).sum().item()
    model.train()
    return correct / len(images)


def train(model, epochs, training, test):
    """Trains with mirrored images, label smoothing and one cycle of the learning rate; prints the test accuracy."""
    images, labels = training
    optimizer = torch.optim.SGD(
        model.parameters(), lr=PEAK_LEARNING_RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, total_steps=epochs * (len(images) // BATCH))
    started = time.time()
    for epoch in range(epochs):
        order = torch.randperm(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[start:start + BATCH]
            x = normalize(images[chosen])
            x = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, x, x.flip(3))
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                loss = functional.cross_entropy(model(x), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch}: test accuracy {accuracy(model, *test):.4f}, {time.time() - started:.0f} s", flush=True)


def export(model, path):
    """Writes the model as ONNX with a free batch size; the exporter folds BatchNorm into the convolutions."""
    model.eval()
    torch.onnx.export(
        model, (torch.rand(1, 1, 28, 28),), path, opset_version=17, dynamo=False, input_names=["input"],
        output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})


def main():
    parser = argparse.ArgumentParser(description="Trains the example network and writes it with its data.")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dataset", type=Path, default=make_data.DATASET, help="folder with the four .gz files")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    training, test = (
        (torch.tensor(make_data.read_images(arguments.dataset, split)),
         torch.tensor(make_data.read_labels(arguments.dataset, split)))
        for split in ("train", "t10k"))
    model = ResNet50().to(memory_format=torch.channels_last)
    train(model, arguments.epochs, training, test)
    export(model, str(arguments.output / "resnet50-fashion.onnx"))
    make_data.write_data(arguments.dataset, arguments.output)


if __name__ == "__main__":
    main()
