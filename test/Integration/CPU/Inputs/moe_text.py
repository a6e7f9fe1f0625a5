"""Writes programs of onnx and moe ops as text."""


class Program:
    """Text of one function of onnx and moe ops."""

    def __init__(self, **arguments):
        self.lines, self.results, self.count = [], [], 0
        self.types = {f"%{name}": kind for name, kind in arguments.items()}
        self.arguments = arguments

    def emit(self, text, *kinds):
        names = [f"%v{self.count + i}" for i in range(len(kinds))]
        self.count += len(kinds)
        self.types.update(zip(names, kinds))
        self.lines.append(f"  {', '.join(names)} = {text}")
        return names[0] if len(names) == 1 else names

    def op(self, name, *operands, to, **attributes):
        """onnx.<name>; `to` is the result's type or a tuple of them."""
        kinds = to if isinstance(to, tuple) else (to,)
        ints = "".join(f"{k} = {v} : i64, " for k, v in attributes.items())
        spelled = f" {{{ints[:-2]}}}" if ints else ""
        ins = ", ".join(self.types[o] for o in operands)
        outs = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
        return self.emit(
            f"onnx.{name} {', '.join(operands)}{spelled} : ({ins}) -> {outs}", *kinds
        )

    def constant(self, value, kind):
        return self.emit(f"onnx.Constant dense<{value}> : {kind}", kind)

    def ints(self, *values):
        return self.constant(list(values), f"tensor<{len(values)}xi64>")

    def give(self, *values):
        self.results += values

    def __str__(self):
        ins = ", ".join(
            f'%{k}: {v} {{rt.name = "{k}"}}' for k, v in self.arguments.items()
        )
        kinds = [self.types[r] for r in self.results]
        outs = ", ".join(f'{k} {{rt.name = "r{i}"}}' for i, k in enumerate(kinds))
        return (
            f"func.func @main({ins}) -> ({outs}) {{\n"
            + "\n".join(self.lines)
            + f"\n  return {', '.join(self.results)} : {', '.join(kinds)}\n}}\n"
        )
