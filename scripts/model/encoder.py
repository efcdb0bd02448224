"""Builds the encoder of multilingual-e5-small as an ONNX graph, for rten and for ONNX Runtime.

input  `tokens`  f32 [tokens, 384]: the rows of the token table, looked up outside of the graph
output `hidden`  f32 [384]: the mean of the last hidden states over the tokens

One text at a time, so there is no padding and no mask. `int8=True` stores the weights as int8 with one
scale per output row and quantises the activations on the fly, every token by its own largest value
(one scale for the whole text, as DynamicQuantizeLinear does, loses three times as much);
`int8=False` keeps everything in f32 and is the reference that the other is measured against.
"""
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

# The widest weight used. CPUs without VNNI add pairs of u8*i8 products in 16 bits: 255 * 64 * 2 fits,
# 255 * 127 * 2 does not and saturates silently.
WIDEST = 63


class Graph:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{kind.lower()}_{self.count}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names


def quantise(weight, widest=WIDEST):
    """(out, in) f32 -> int8 of the same shape and one scale per output row."""
    scale = np.abs(weight).max(1, keepdims=True) / widest
    return np.round(weight / scale).astype("i1"), scale[:, 0].astype("f4")


def build(package, int8, widest=WIDEST):
    hidden, heads = package.hidden, package.heads
    width = hidden // heads
    graph = Graph()
    if int8:
        zero = graph.constant("zero", np.int8(0))
        middle = graph.constant("middle", np.uint8(128))
        step = graph.constant("step", np.float32(1 / 127))
        graph.constant("last", np.array([-1], "i8"))

    def dense(x, name, weight, bias):
        """x @ weight.T + bias; x is a value name, or what `narrow` made of one."""
        if not int8:
            product = graph.op("MatMul", x, graph.constant(name + ".weight", weight.T))
        else:
            values, scale = quantise(weight, widest)
            quantised, largest = x
            product = graph.op("MatMulInteger", quantised, graph.constant(name + ".weight", values.T), middle, zero)
            scale = graph.constant(name + ".scale", scale / 127)
            product = graph.op("Mul", graph.op("Cast", product, to=TensorProto.FLOAT), scale)
            product = graph.op("Mul", product, largest)
        return graph.op("Add", product, graph.constant(name + ".bias", bias))

    def narrow(x):
        """Quantises every token by its own largest value: (u8 around 128, that value)."""
        if not int8:
            return x
        largest = graph.op("ReduceMax", graph.op("Abs", x), "last", keepdims=1)
        return graph.op("QuantizeLinear", graph.op("Div", x, largest), step, middle), largest

    def norm(x, name, weight, bias):
        return graph.op("LayerNormalization", x, graph.constant(name + ".weight", weight),
                        graph.constant(name + ".bias", bias), axis=-1, epsilon=package.epsilon)

    # Every token is of type 0, so its embedding goes into the positions.
    positions = package.f32("emb.pos", -1, hidden) + package.f32("emb.type", -1, hidden)[0]
    begin, one, axis = (graph.constant(n, np.array([v], "i8")) for n, v in (("begin", 0), ("one", 1), ("axis", 0)))
    length = graph.op("Shape", "tokens", start=0, end=1)
    place = graph.op("Slice", graph.constant("positions", positions), begin, length, axis, one)
    x = norm(graph.op("Add", "tokens", place), "embeddings",
             package.f32("emb.ln.w", hidden), package.f32("emb.ln.b", hidden))

    split_heads = graph.constant("split_heads", np.array([0, 3 * heads, width], "i8"))
    join_heads = graph.constant("join_heads", np.array([0, hidden], "i8"))
    for layer in range(package.layers):
        def weight(part, out, inner):
            return package.q4(f"l{layer}.{part}.w", out, inner), package.f32(f"l{layer}.{part}.b", out)

        def layer_norm(value, part):
            return norm(value, f"{layer}.{part}", package.f32(f"l{layer}.{part}.w", hidden),
                        package.f32(f"l{layer}.{part}.b", hidden))

        (q, qb), (k, kb), (v, vb) = (weight(part, hidden, hidden) for part in "qkv")
        # The scale of the attention, 1 / sqrt(width), goes into the queries.
        q, qb = q / np.sqrt(width, dtype="f4"), qb / np.sqrt(width, dtype="f4")
        qkv = dense(narrow(x), f"{layer}.qkv", np.concatenate([q, k, v]), np.concatenate([qb, kb, vb]))
        qkv = graph.op("Transpose", graph.op("Reshape", qkv, split_heads), perm=[1, 0, 2])
        q, k, v = graph.op("Split", qkv, outputs=3, axis=0, num_outputs=3)
        scores = graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 2, 1]))
        seen = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), v)
        seen = graph.op("Reshape", graph.op("Transpose", seen, perm=[1, 0, 2]), join_heads)
        seen = dense(narrow(seen), f"{layer}.attention", *weight("ao", hidden, hidden))
        x = layer_norm(graph.op("Add", x, seen), "aln")

        inner = dense(narrow(x), f"{layer}.inner", *weight("fi", package.inner, hidden))
        inner = graph.op("Gelu", inner)
        inner = dense(narrow(inner), f"{layer}.outer", *weight("fo", hidden, package.inner))
        x = layer_norm(graph.op("Add", x, inner), "oln")

    graph.nodes.append(helper.make_node("ReduceMean", [x, "axis"], ["hidden"], keepdims=0))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "multilingual-e5-small",
            [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["tokens", hidden])],
            [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [hidden])],
            graph.constants),
        opset_imports=[helper.make_opsetid("", 20)], ir_version=9, producer_name="picard scripts/model")
    checker.check_model(model, full_check=True)
    return model
