"""The network as an ONNX file that needs nothing else: ids in, scores and where the model looked out."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import DIM, FAR, NEAR

END = np.iinfo(np.int64).max


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def const(self, value, kind=None):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def op(self, kind, *inputs, out=None, **attributes):
        self.count += 1
        out = out or f"{kind.lower()}{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def shifted(self, x, shifts):
        reach = max(shifts)
        padded = self.op("Pad", x, self.ints(0, reach, 0, 0, reach, 0))
        cut = lambda s: self.op("Slice", padded, self.ints(reach + s), self.ints(s - reach if s < reach else END), self.ints(1))
        return self.op("Concat", *[cut(s) for s in shifts], axis=2)


def quantised(table):
    """Eight bits a number and one scale; row 0 stays empty. Outliers are clipped."""
    scale = float(np.quantile(np.abs(table[1:]), 0.9999)) / 127
    out = np.clip(np.round(table / scale), -127, 127).astype(np.int8)
    out[0] = 0
    return out, scale


def build(p, slope, shift, spec):
    """`slope` and `shift` make a probability of the network's number."""
    g = Graph()
    c = lambda name: g.const(np.asarray(p[name]), np.float32)
    table, scale = quantised(np.asarray(p["table"]))
    rows = g.op("Gather", g.op("Cast", g.const(table), to=TensorProto.FLOAT), "ids")
    x = g.op("Mul", g.op("ReduceSum", rows, g.ints(2), keepdims=0), g.const(scale, np.float32))
    first = g.op("Squeeze", g.op("Slice", "ids", g.ints(0), g.ints(1), g.ints(2)), g.ints(2))
    flat = g.op("Cast", g.op("Greater", first, g.const(0, np.int32)), to=TensorProto.FLOAT)
    mask = g.op("Unsqueeze", flat, g.ints(2))
    absent = g.op("Mul", g.op("Sub", mask, g.const(1, np.float32)), g.const(1e4, np.float32))
    near = g.op("Relu", g.op("Add", g.op("MatMul", g.shifted(x, NEAR), c("w1")), c("b1")))
    near = g.op("Mul", near, mask)
    far = g.op("Relu", g.op("Add", g.op("MatMul", g.shifted(near, FAR), c("w2")), c("b2")))
    h = g.op("Add", near, far)
    looked = g.op("Add", g.op("MatMul", h, c("wa")), absent)
    share = g.op("Softmax", g.op("Squeeze", looked, g.ints(2)), out="focus", axis=1)
    strongest = g.op("ReduceMax", g.op("Add", h, absent), axes=[1], keepdims=0)
    weighted = g.op("Squeeze", g.op("MatMul", g.op("Unsqueeze", share, g.ints(1)), h), g.ints(1))
    total = g.op("ReduceSum", g.op("Mul", h, mask), g.ints(1), keepdims=0)
    mean = g.op("Div", total, g.op("ReduceSum", mask, g.ints(1), keepdims=0))
    z = g.op("Concat", strongest, weighted, mean, axis=1)
    top = g.op("Relu", g.op("Add", g.op("MatMul", z, c("w3")), c("b3")))
    w4 = g.const(np.asarray(p["w4"]) * slope, np.float32)
    b4 = g.const(np.asarray(p["b4"]) * slope + shift, np.float32)
    number = g.op("Squeeze", g.op("Add", g.op("MatMul", top, w4), b4), g.ints(1))
    g.op("Sigmoid", number, out="score")
    graph = helper.make_graph(
        g.nodes, "firewall",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["windows", "tokens", spec["slots"]])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["windows"]),
         helper.make_tensor_value_info("focus", TensorProto.FLOAT, ["windows", "tokens"])],
        g.constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="floopy-firewall")
    onnx.checker.check_model(model)
    assert table.shape[1] == DIM
    return model
