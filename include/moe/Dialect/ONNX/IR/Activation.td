//===- Activation.td - Elementwise activation functions ----*- tablegen -*-===//
//
// The frequent ones. ONNX defines the others by function bodies, which the
// importer expands.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_ACTIVATION_TD
#define MOE_DIALECT_ONNX_IR_ACTIVATION_TD

include "moe/Dialect/ONNX/IR/Math.td"

/// One float operand `X`, one result `Y`, float attributes.
class ONNX_ActivationOp<string mnemonic, int since, string what, dag attributes,
                        string example = ""> : ONNX_ElementwiseOp<mnemonic,
                            [SameOperandsAndResultElementType]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since #
      ").\n\nExample:\n```mlir\n%y = onnx." # mnemonic # " %x" # example #
      " : (tensor<?x4xf32>) -> tensor<?x4xf32>\n```\n";
  let arguments = !con((ins ONNX_FloatTensor:$X), attributes);
  let results = (outs ONNX_FloatTensor:$Y);
}

def ONNX_EluOp : ONNX_ActivationOp<"Elu", 22,
    "X, or alpha * (exp(X) - 1) where X is negative",
    (ins DefaultValuedAttr<F32Attr, "1.0f">:$alpha)>;

def ONNX_GeluOp : ONNX_ActivationOp<"Gelu", 20,
    "X * Phi(X), by erf or by its tanh approximation",
    (ins DefaultValuedAttr<ONNX_GeluApproximationAttr,
                           "::moe::onnx::GeluApproximation::None">:$approximate),
    " {approximate = #onnx.approximate<tanh>}">;

def ONNX_HardSigmoidOp : ONNX_ActivationOp<"HardSigmoid", 22,
    "alpha * X + beta, limited to [0, 1]",
    (ins DefaultValuedAttr<F32Attr, "0.2f">:$alpha,
         DefaultValuedAttr<F32Attr, "0.5f">:$beta)>;

def ONNX_LeakyReluOp : ONNX_ActivationOp<"LeakyRelu", 16,
    "X, or alpha * X where X is negative",
    (ins DefaultValuedAttr<F32Attr, "0.01f">:$alpha)>;

def ONNX_PReluOp : ONNX_BinaryOp<"PRelu", 16,
    "X, or slope * X where X is negative",
    "`slope` broadcasts to the shape of `X`.", ONNX_NumericTensor, "X", "slope",
    "Y">;

def ONNX_ReluOp : ONNX_UnaryOp<"Relu", 14, "max(X, 0)", "NaN stays NaN.",
    RankedTensorOf<[ONNX_SInt, ONNX_Float]>, "X", "Y", "f32">;

def ONNX_SigmoidOp : ONNX_FloatUnaryOp<"Sigmoid", 13, "1 / (1 + exp(-X))",
    "Computed from exp(-|X|), so that nothing overflows.", "X", "Y">;

def ONNX_SoftplusOp : ONNX_FloatUnaryOp<"Softplus", 22, "log(1 + exp(X))",
    "Computed as max(X, 0) + log(1 + exp(-|X|)), so that nothing overflows.",
    "X", "Y">;

def ONNX_SwishOp : ONNX_ActivationOp<"Swish", 24, "X * Sigmoid(alpha * X)",
    (ins DefaultValuedAttr<F32Attr, "1.0f">:$alpha)>;

#endif // MOE_DIALECT_ONNX_IR_ACTIVATION_TD
