//===- Passes.td - Passes on upstream dialects -------------*- tablegen -*-===//
#ifndef MOE_TRANSFORMS_PASSES_TD
#define MOE_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerStridedCopiesPass
    : Pass<"moe-lower-strided-copies", "::mlir::func::FuncOp"> {
  let summary = "Turn copies from or to strided memrefs into linalg loops";
  let description = [{
    A `memref.copy` between contiguous memrefs becomes `memcpy` later; any other
    would become a call of a library that artefacts do not have. Those become
    `linalg.generic`:

    ```mlir
    func.func @example(%a: memref<4x8xf32, strided<[16, 1]>>, %b: memref<4x8xf32>) {
      memref.copy %a, %b : memref<4x8xf32, strided<[16, 1]>> to memref<4x8xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def OutlineKernelsPass : Pass<"moe-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move each linalg op and loop nest into a function of its own";
  let description = [{
    The entry function becomes a sequence of allocations, scalar arithmetic,
    preconditions and calls; each computation on memory is a private function
    that LLVM optimises alone, in time linear in the size of the model. It is
    named after the ONNX node of its location, which a profile then shows. Equal
    kernels are merged by `duplicate-function-elimination`, whatever their
    names.

    Constants that a kernel uses are copied into it; all else that it takes from
    outside becomes an argument, scalars that it gives become results. A loop
    that yields memrefs, allocates or checks a precondition stays where it is,
    and what is in it is outlined instead.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def KeepRoundingsPass : Pass<"moe-keep-roundings"> {
  let summary = "Forbid that pairs of float conversions are folded away";
  let description = [{
    `arith-emulate-unsupported-floats` allows its conversions to be contracted:
    an `arith.extf` of an `arith.truncf` would vanish, and what follows would see
    more digits than the type between them has. ONNX rounds after each operator,
    so the flag goes:

    ```mlir
    func.func @example(%wide: f32) -> f32 {
      %rounded = arith.truncf %wide fastmath<contract> : f32 to bf16
      %back = arith.extf %rounded fastmath<contract> : bf16 to f32
      return %back : f32
    }
    ```
  }];
}

def FoldWeightRecipesPass
    : Pass<"moe-fold-weight-recipes", "::mlir::ModuleOp"> {
  let summary = "Make layout ops of weights steps of their recipes";
  let description = [{
    `onnx.Transpose`, `onnx.Cast` between floats, and `onnx.Concat` of
    `onnx.Unsqueeze`d weights along a new leading dim become steps of the
    weight's recipe, which the runtime executes once. The same ops on small
    constants are computed. Weights that nothing refers to go.

    ```mlir
    rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 64, hash = 7,
                                     tensor<2x8xf32>>]} : tensor<2x8xf32>
    func.func @example() -> tensor<8x2xf32> {
      %w = rt.weight_ref @w : tensor<2x8xf32>
      %t = onnx.Transpose %w {perm = array<i64: 1, 0>} : (tensor<2x8xf32>) -> tensor<8x2xf32>
      return %t : tensor<8x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::moe::onnx::ONNXDialect",
                           "::moe::rt::RTDialect"];
}

def KeepInputsPass : Pass<"moe-keep-inputs", "::mlir::ModuleOp"> {
  let summary = "Forbid that bufferisation writes into the model's inputs";
  let description = [{
    An op that updates an input would do so in place: the caller's array would
    change. Tensor arguments of public functions get upstream's attribute that
    makes bufferisation copy first.

    ```mlir
    func.func @example(%x: tensor<4xf32>, %v: f32, %i: index) -> tensor<4xf32> {
      %y = tensor.insert %v into %x[%i] : tensor<4xf32>
      return %y : tensor<4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

#endif // MOE_TRANSFORMS_PASSES_TD
