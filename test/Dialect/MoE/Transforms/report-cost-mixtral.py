# RUN: %python -W error %s
"""The cost formula on a module of the size of Mixtral-8x7B, with and without
AdaMoE's eight null experts.

The numbers are the paper's and what follows from them: d = 4096, inner 14336,
32 layers, 32 query and 8 key/value heads of 128, vocabulary 32000, multiply-adds
of weights only. The weights' file does not exist: nothing is read.
"""

import json
import subprocess
import unittest

D, INNER, LAYERS, KV, VOCABULARY = 4096, 14336, 32, 1024, 32000
EXPERT = 3 * D * INNER
ATTENTION = 2 * D * D + 2 * D * KV
BASELINE = LAYERS * (ATTENTION + 2 * EXPERT + 8 * D) + D * VOCABULARY


def tensor(*dims):
    return "tensor<" + "x".join(str(dim) for dim in dims) + "xbf16>"


class Builder:
    """A module of onnx ops and layers, as text."""

    def __init__(self):
        self.weights, self.body, self.offset, self.count = [], [], 0, 0

    def op(self, text):
        self.count += 1
        self.body.append(f"%{self.count} = {text}")
        return f"%{self.count}"

    def ints(self, *values):
        text = ", ".join(map(str, values))
        return self.op(f"onnx.Constant dense<[{text}]> : tensor<{len(values)}xi64>")

    def weight(self, *dims):
        size = 2
        for dim in dims:
            size *= dim
        kind = tensor(*dims)
        name = f"@w{len(self.weights)}"
        self.weights.append(
            f'rt.weight {name} {{source = [#rt.span<"none.onnx", offset = {self.offset}, '
            f"length = {size}, hash = 0, {kind}>]}} : {kind}"
        )
        self.offset += size
        return self.op(f"rt.weight_ref {name} : {kind}")

    def apply(self, name, operands, kinds, result, attributes=""):
        return self.op(
            f"onnx.{name} {', '.join(operands)} {attributes} : "
            f"({', '.join(kinds)}) -> {result}"
        )

    def project(self, rows, lead, inner, outer):
        return self.apply(
            "MatMul",
            [rows, self.weight(inner, outer)],
            [tensor(*lead, inner), tensor(inner, outer)],
            tensor(*lead, outer),
        )

    def reshape(self, value, before, after, shape):
        dims = self.ints(*shape)
        kinds = [tensor(*before), f"tensor<{len(shape)}xi64>"]
        return self.apply("Reshape", [value, dims], kinds, tensor(*after))

    def transpose(self, value, before, after, perm):
        attribute = f"{{perm = array<i64: {', '.join(map(str, perm))}>}}"
        return self.apply("Transpose", [value], [tensor(*before)], tensor(*after), attribute)

    def attention(self, x):
        """Grouped: 8 key/value heads with 4 query heads each."""
        lead = ("?", "?")
        q = self.project(x, lead, D, D)
        k, v = (self.project(x, lead, D, KV) for _ in range(2))
        q = self.reshape(q, (*lead, D), (*lead, 8, 4, 128), (0, 0, 8, 4, 128))
        q = self.transpose(q, (*lead, 8, 4, 128), ("?", 8, 4, "?", 128), (0, 2, 3, 1, 4))
        k = self.reshape(k, (*lead, KV), (*lead, 8, 1, 128), (0, 0, 8, 1, 128))
        k = self.transpose(k, (*lead, 8, 1, 128), ("?", 8, 1, 128, "?"), (0, 2, 3, 4, 1))
        v = self.reshape(v, (*lead, KV), (*lead, 8, 1, 128), (0, 0, 8, 1, 128))
        v = self.transpose(v, (*lead, 8, 1, 128), ("?", 8, 1, "?", 128), (0, 2, 3, 1, 4))
        scores = ("?", 8, 4, "?", "?")
        s = self.apply("MatMul", [q, k], [tensor("?", 8, 4, "?", 128), tensor("?", 8, 1, 128, "?")], tensor(*scores))
        p = self.apply("Softmax", [s], [tensor(*scores)], tensor(*scores))
        o = self.apply("MatMul", [p, v], [tensor(*scores), tensor("?", 8, 1, "?", 128)], tensor("?", 8, 4, "?", 128))
        o = self.transpose(o, ("?", 8, 4, "?", 128), (*lead, 8, 4, 128), (0, 3, 1, 2, 4))
        o = self.reshape(o, (*lead, 8, 4, 128), (*lead, D), (0, 0, D))
        return self.project(o, lead, D, D)

    def experts(self, x, layer, nulls, slots, fused):
        rows = self.reshape(x, ("?", "?", D), ("?", D), (-1, D))
        columns = 8 + nulls
        if fused:
            gate = self.weight(D, columns)
            given = f"project({rows}, {gate} : {tensor('?', D)}, {tensor(D, columns)})"
        else:
            scores = self.project(rows, ("?",), D, columns)
            given = f"scores({scores} : {tensor('?', columns)})"
        self.count += 1
        ids = f"%{self.count}"
        self.body.append(
            f"{ids}:2 = moe.route {given} {{select = #moe.topk<{slots}>, "
            "score = #moe.score<softmax>, normalize_over = #moe.columns<0, 8>} -> "
            f"tensor<?x{slots}xi32>, {tensor('?', slots)}"
        )
        up, gate = (self.weight(8, D, INNER) for _ in range(2))
        down = self.weight(8, INNER, D)
        kinds = "ffn = 8" + (f", zero = {nulls}" if nulls else "")
        wide, narrow = tensor("?", INNER), tensor("?", D)
        matrix, back = tensor(D, INNER), tensor(INNER, D)
        stacked = f"{tensor(8, D, INNER)}, {tensor(8, D, INNER)}, {tensor(8, INNER, D)}"
        y = self.op(
            f"moe.experts {ids}#0, {ids}#1 rows({rows} : {narrow}) "
            f"stacked({up}, {gate}, {down} : {stacked}) {{experts = #moe.kinds<{kinds}>}} "
            f": tensor<?x{slots}xi32>, {tensor('?', slots)} -> {narrow} {{\n"
            f"^bb0(%r: {narrow}, %a: {matrix}, %b: {matrix}, %c: {back}):\n"
            f"%u = onnx.MatMul %r, %a : ({narrow}, {matrix}) -> {wide}\n"
            f"%g = onnx.MatMul %r, %b : ({narrow}, {matrix}) -> {wide}\n"
            f"%s = onnx.Swish %g : ({wide}) -> {wide}\n"
            f"%h = onnx.Mul %s, %u : ({wide}, {wide}) -> {wide}\n"
            f"%o = onnx.MatMul %h, %c : ({wide}, {back}) -> {narrow}\n"
            f'moe.yield %o : {narrow}\n}} loc("layers.{layer}.moe")'
        )
        shape = self.op(f"onnx.Shape {x} : ({tensor('?', '?', D)}) -> tensor<3xi64>")
        y = self.apply("Reshape", [y, shape], [narrow, "tensor<3xi64>"], tensor("?", "?", D))
        kind = tensor("?", "?", D)
        return self.apply("Add", [x, y], [kind, kind], kind)

    def build(self, nulls, slots, fused):
        table = self.weight(VOCABULARY, D)
        kind = tensor("?", "?", D)
        x = self.apply("Gather", [table, "%ids"], [tensor(VOCABULARY, D), "tensor<?x?xi64>"], kind)
        for layer in range(LAYERS):
            x = self.apply("Add", [x, self.attention(x)], [kind, kind], kind)
            x = self.experts(x, layer, nulls, slots, fused)
        logits = self.project(x, ("?", "?"), D, VOCABULARY)
        result = tensor("?", "?", VOCABULARY)
        lines = "\n".join(self.weights)
        body = "\n".join(self.body)
        return (
            f'{lines}\nfunc.func @main(%ids: tensor<?x?xi64> {{rt.name = "ids", '
            f'rt.dims = ["batch", "sequence"]}}) -> {result} {{\n{body}\n'
            f"return {logits} : {result}\n}}\n"
        )


def report(text, passes="", **options):
    given = " ".join(f"{key}={value}" for key, value in options.items())
    done = subprocess.run(
        ["moe-opt", "-", "-o", "/dev/null", f"--pass-pipeline=builtin.module({passes}moe-report-cost{{json {given}}})"],
        input=text,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr)


class MixtralTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.adamoe = Builder().build(nulls=8, slots=3, fused=False)

    def test_baseline(self):
        self.assertEqual(BASELINE, 12_748_587_008)
        cost = report(Builder().build(nulls=0, slots=2, fused=False), tokens="1,4096")
        self.assertEqual(cost["tokens"], "batch*sequence")
        self.assertEqual(cost["baseline"]["flops"], 2 * BASELINE)
        self.assertEqual(cost["loads"][1]["flops"], 2 * BASELINE)
        self.assertEqual(cost["flops"]["null_columns"], 0)
        self.assertEqual(cost["not_counted"], [])
        parameters = LAYERS * (ATTENTION + 8 * EXPERT + 8 * D) + 2 * D * VOCABULARY
        self.assertEqual(cost["parameters"], parameters)
        self.assertEqual(cost["expert_parameters"], LAYERS * 8 * EXPERT)
        # One token reads two experts; many read all. The embedding is looked up.
        one, many = cost["loads"][1]["runs"]
        rest = LAYERS * (ATTENTION + 8 * D) + D * VOCABULARY
        self.assertAlmostEqual(one["weight_bytes"], 2 * (rest + LAYERS * 2 * EXPERT + D))
        all_bytes = 2 * (rest + LAYERS * 8 * EXPERT + 4096 * D)
        self.assertAlmostEqual(many["weight_bytes"] / all_bytes, 1, delta=1e-9)

    def test_adamoe(self):
        cost = report(self.adamoe, baseline=2, loads="1.66,1.655,2")
        self.assertEqual(cost["baseline"]["flops"], 2 * BASELINE)
        self.assertAlmostEqual(cost["baseline"]["expert_share"], 0.88436, delta=5e-6)
        self.assertEqual(cost["flops"]["experts_at_load_1"], 2 * LAYERS * EXPERT)
        self.assertEqual(cost["flops"]["null_columns"], 2 * LAYERS * 8 * D)
        epsilon = cost["flops"]["null_columns"] / cost["baseline"]["flops"]
        self.assertAlmostEqual(100 * epsilon, 0.0082, delta=5e-5)
        printed, mean, all_slots = cost["loads"]
        # 15.03 % without what the null columns cost.
        self.assertAlmostEqual(100 * (printed["reduction"] + epsilon), 15.03, delta=5e-3)
        self.assertAlmostEqual(100 * (mean["reduction"] + epsilon), 15.25, delta=6e-3)
        self.assertAlmostEqual(all_slots["reduction"], -epsilon)
        # Multiply-adds of experts: dense masking, and what is left of them.
        self.assertAlmostEqual(cost["flops"]["all_experts"] / 2e9, 45.10, delta=5e-3)
        self.assertAlmostEqual(printed["expert_flops"] / 2e9, 9.36, delta=5e-3)

    def test_context(self):
        for context, share in ((128, 0.8820), (512, 0.8751), (2048, 0.8486), (4096, 0.8157)):
            cost = report(self.adamoe, baseline=2, context=context)
            self.assertAlmostEqual(cost["baseline"]["expert_share"], share, delta=5e-5)
        self.assertEqual(sum(term["flops"] for term in cost["scores"]), LAYERS * 4 * D)

    def test_fused_and_eliminated(self):
        plain = report(self.adamoe, baseline=2, loads="1.66", tokens="64")
        fused = report(Builder().build(nulls=8, slots=3, fused=True), baseline=2, loads="1.66", tokens="64")
        passes = "moe-describe-layers,moe-eliminate-null-experts,"
        eliminated = report(self.adamoe, passes, baseline=2, loads="1.66", tokens="64")
        self.assertEqual(eliminated, plain)
        # A route that has the projection does not store scores.
        (run,), (stored,) = fused["loads"][0]["runs"], plain["loads"][0]["runs"]
        scores = 64 * LAYERS * 16 * 2
        self.assertEqual(run.pop("activation_bytes") + scores, stored.pop("activation_bytes"))
        self.assertEqual(fused, plain)


if __name__ == "__main__":
    unittest.main()
