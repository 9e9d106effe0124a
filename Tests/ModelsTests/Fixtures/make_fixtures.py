"""Makes the model and sample files of ModelsTests: python make_fixtures.py (onnx 1.23, numpy).

Each file is small; the tests say what is in it.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def save(name, nodes, inputs, outputs, initializers=(), opset=17, ir=8, domains=(), **graph):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers), **graph)
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir, producer_name="make_fixtures")
    onnx.save(model, os.path.join(HERE, name + ".onnx"))
    return model


def array(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def ramp(*shape):
    """Numbers that float32 holds exactly: multiples of 1/8."""
    return (np.arange(np.prod(shape)).reshape(shape) % 17 - 8).astype(np.float32) / 8


# Two layers, an unnamed node, a shared weight, operator set 9 with initializers among the inputs (IR 3).
save(
    "old-ir",
    [
        helper.make_node("Conv", ["x", "w"], ["a"], kernel_shape=[1, 1]),
        helper.make_node("Clip", ["a"], ["b"], min=0.0, max=6.0),
        helper.make_node("Conv", ["b", "w"], ["c"], kernel_shape=[1, 1], name="second"),
        helper.make_node("Softmax", ["c"], ["y"], axis=1),
    ],
    [value("x", ["N", 3, 2, 2]), value("w", [3, 3, 1, 1])],
    [value("y", ["N", 3, 2, 2])],
    [array("w", ramp(3, 3, 1, 1))],
    opset=9,
    ir=3,
)

# Every operator whose form changed after operator set 9.
save(
    "opset-9",
    [
        helper.make_node("Unsqueeze", ["x"], ["u"], axes=[1], name="unsqueeze"),
        helper.make_node("Squeeze", ["u"], ["s"], axes=[1], name="squeeze"),
        helper.make_node("Slice", ["s"], ["l"], starts=[0], ends=[4], axes=[1], name="slice"),
        helper.make_node("Pad", ["l"], ["p"], pads=[0, 0, 1, 1, 0, 0, 1, 1], value=0.5, name="pad"),
        helper.make_node("Upsample", ["p", "scales"], ["r"], mode="nearest", name="upsample"),
        helper.make_node("Clip", ["r"], ["k"], max=0.75, name="clip"),
        helper.make_node("Dropout", ["k"], ["d", "mask"], ratio=0.25, name="dropout"),
        helper.make_node("Split", ["d"], ["d1", "d2"], axis=1, split=[1, 3], name="split"),
        helper.make_node("ReduceMean", ["d2"], ["m"], axes=[2, 3], keepdims=1, name="mean"),
        helper.make_node("ReduceSum", ["d1"], ["t"], axes=[2, 3], keepdims=1, name="sum"),
        helper.make_node("BatchNormalization", ["m", "s3", "b3", "m3", "v3"], ["n", "e1", "e2", "e3", "e4"], name="bn"),
        helper.make_node("Concat", ["n", "t"], ["c"], axis=1, name="concat"),
        helper.make_node("Softmax", ["c"], ["y"], axis=1, name="softmax"),
    ],
    [value("x", ["N", 4, 3, 3])],
    [value("y", ["N", 4, 1, 1])],
    [
        array("scales", np.float32([1, 1, 2, 2])),
        array("s3", np.float32([1, 2, 3])),
        array("b3", np.float32([0, 1, 0])),
        array("m3", np.float32([0, 0.5, 0])),
        array("v3", np.float32([1, 4, 1])),
    ],
    opset=9,
    ir=4,
)

# BatchNormalization behind a grouped Conv, a grouped ConvTranspose and a Gemm; one whose input is read twice.
bn = lambda x, y, name: helper.make_node(
    "BatchNormalization", [x, "scale", "shift", "mean", "variance"], [y], epsilon=0.0, name=name
)
save(
    "batch-normalization",
    [
        helper.make_node("Conv", ["x", "w1"], ["c1"], kernel_shape=[1, 1], group=2, name="conv"),
        bn("c1", "n1", "bn1"),
        helper.make_node("ConvTranspose", ["n1", "w2", "b2"], ["c2"], kernel_shape=[1, 1], group=2, name="transposed"),
        bn("c2", "n2", "bn2"),
        helper.make_node("Conv", ["n2", "w1"], ["c3"], kernel_shape=[1, 1], group=2, name="twice"),
        bn("c3", "n3", "bn3"),
        helper.make_node("Add", ["n3", "c3"], ["s"], name="add"),
        helper.make_node("Flatten", ["s"], ["f"], axis=1, name="flatten"),
        helper.make_node("Gemm", ["f", "w4", "b4"], ["g"], beta=0.5, transB=1, name="gemm"),
        bn("g", "y", "bn4"),
    ],
    [value("x", ["N", 4, 1, 1])],
    [value("y", ["N", 4])],
    [
        array("w1", ramp(4, 2, 1, 1)),
        array("w2", ramp(4, 2, 1, 1)),
        array("b2", np.float32([1, 2, 3, 4])),
        array("w4", ramp(4, 4)),
        array("b4", np.float32([2, 4, 6, 8])),
        array("scale", np.float32([1, 2, 3, 4])),
        array("shift", np.float32([0.5, 0, -0.5, 1])),
        array("mean", np.float32([1, 0, 2, -1])),
        array("variance", np.float32([1, 4, 0.25, 16])),
    ],
    opset=9,
    ir=4,
)

# Constant nodes in all forms, an old-style scalar, typed fields, a node that no output needs, nodes out of order.
typed = TensorProto(name="typed", data_type=TensorProto.FLOAT16, dims=[2])
typed.int32_data.extend([0x3C00, 0xC000])
save(
    "constants",
    [
        helper.make_node("Add", ["b", "floats"], ["y"], name="last"),
        helper.make_node("Add", ["x", "one"], ["a"], name="first"),
        helper.make_node("Add", ["a", "float"], ["b"], name="second"),
        helper.make_node("NonMaxSuppression", ["x", "x"], ["unused"], name="unused"),
        helper.make_node("Constant", [], ["one"], value=array("", np.float32([1, 2]))),
        helper.make_node("Constant", [], ["float"], value_float=0.5),
        helper.make_node("Constant", [], ["floats"], value_floats=[1.0, 2.0]),
        helper.make_node("Constant", [], ["ints"], value_ints=[1, 2, 3]),
        helper.make_node("Constant", [], ["int"], value_int=-7),
        helper.make_node("Reshape", ["typed", "ints"], ["z"], name="reshape"),
        helper.make_node("Identity", ["int"], ["i"], name="identity"),
    ],
    [value("x", ["N", 2])],
    [value("y", ["N", 2]), value("z", None, TensorProto.FLOAT16), value("i", [], TensorProto.INT64)],
    [typed],
    opset=13,
)

# Operators that are missing: one twice, one of another domain.
save(
    "missing",
    [
        helper.make_node("Det", ["x"], ["a"], name="det"),
        helper.make_node("Det", ["x"], ["b"], name="det2"),
        helper.make_node("Rotate", ["a"], ["c"], domain="elsewhere", name="rotate"),
        helper.make_node("Add", ["b", "c"], ["y"], name="add"),
    ],
    [value("x", [2, 2])],
    [value("y", [])],
    domains=["elsewhere"],
)

# A convolution and two matrix products, one weight in a Constant node, to be quantized; metadata that must survive.
model = save(
    "layers",
    [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], kernel_shape=[3, 3], name="conv"),
        helper.make_node("Flatten", ["a"], ["b"], axis=1, name="flatten"),
        helper.make_node("Constant", [], ["matmul.weight"], value=array("", ramp(5, 7))),
        helper.make_node("MatMul", ["b", "matmul.weight"], ["c"], name="matmul"),
        helper.make_node("Gemm", ["c", "gemm.weight"], ["d"], transB=1, name="gemm"),
        helper.make_node("Relu", ["d"], ["y"], doc_string="kept", name="relu"),
    ],
    [value("x", ["N", 2, 3, 3])],
    [value("y", ["N", 3])],
    [
        array("conv.weight", ramp(5, 2, 3, 3)),
        array("conv.bias", ramp(5)),
        array("gemm.weight", ramp(3, 7)),
    ],
)
helper.set_model_props(model, {"author": "someone"})
model.training_info.add()  # a field that the reader does not know
onnx.save(model, os.path.join(HERE, "layers.onnx"))

# The same with its tensors outside.
onnx.save(
    onnx.load(os.path.join(HERE, "layers.onnx")),
    os.path.join(HERE, "outside.onnx"),
    save_as_external_data=True,
    all_tensors_to_one_file=True,
    location="outside.bin",
    size_threshold=0,
)

# Samples.
samples = ramp(5, 2, 3)
np.save(os.path.join(HERE, "samples.npy"), samples)
np.save(os.path.join(HERE, "samples-fortran.npy"), np.asfortranarray(samples))
np.save(os.path.join(HERE, "samples-big-endian.npy"), samples.astype(">f4"))
with open(os.path.join(HERE, "samples-version-2.npy"), "wb") as file:
    np.lib.format.write_array(file, samples, version=(2, 0))
np.savez(os.path.join(HERE, "stored.npz"), x=samples, mask=np.arange(5, dtype=np.uint8))
np.savez_compressed(os.path.join(HERE, "deflated.npz"), x=samples, mask=np.arange(5, dtype=np.uint8))
