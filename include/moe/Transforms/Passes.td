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
    becomes
    ```mlir
    #same = affine_map<(i, j) -> (i, j)>
    func.func @example(%a: memref<4x8xf32, strided<[16, 1]>>, %b: memref<4x8xf32>) {
      linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
          ins(%a : memref<4x8xf32, strided<[16, 1]>>) outs(%b : memref<4x8xf32>) {
      ^bb0(%from: f32, %to: f32):
        linalg.yield %from : f32
      }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def LowerExpandedShapesPass
    : Pass<"moe-lower-expanded-shapes", "::mlir::func::FuncOp"> {
  let summary = "Turn the expansion of one dim into several dynamic ones to a cast";
  let description = [{
    `expand-strided-metadata` takes one dynamic dim per group: it would divide
    by the others. The op says all extents anyway, so that contiguous memrefs
    need no division:

    ```mlir
    // moe-opt --moe-lower-expanded-shapes --canonicalize
    func.func @example(%x: memref<?x4xf32>, %a: index, %b: index) -> memref<?x?x4xf32> {
      %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%a, %b, 4]
        : memref<?x4xf32> into memref<?x?x4xf32>
      return %y : memref<?x?x4xf32>
    }
    ```
    becomes
    ```mlir
    func.func @example(%x: memref<?x4xf32>, %a: index, %b: index) -> memref<?x?x4xf32> {
      %c4 = arith.constant 4 : index
      %row = arith.muli %b, %c4 : index
      %view = memref.reinterpret_cast %x to offset: [0], sizes: [%a, %b, 4], strides: [%row, 4, 1]
        : memref<?x4xf32> to memref<?x?x4xf32, strided<[?, 4, 1]>>
      %y = memref.cast %view : memref<?x?x4xf32, strided<[?, 4, 1]>> to memref<?x?x4xf32>
      return %y : memref<?x?x4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
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

    ```mlir
    func.func @example(%a: memref<4xf32>, %b: memref<4xf32>) {
      linalg.exp ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
      return
    }
    ```
    becomes
    ```mlir
    func.func @example(%a: memref<4xf32>, %b: memref<4xf32>) {
      call @kernel_linalg_exp(%a, %b) : (memref<4xf32>, memref<4xf32>) -> ()
      return
    }
    func.func private @kernel_linalg_exp(%a: memref<4xf32>, %b: memref<4xf32>) {
      linalg.exp ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def InstrumentProfilePass
    : Pass<"moe-instrument-profile", "::mlir::ModuleOp"> {
  let summary = "Take the time of each step of the model";
  let description = [{
    A step is a call of an outlined kernel, or a copy, in the entry function.
    Each gets an `rt.timer` that says what it is: the ONNX node of its location,
    the kind of the computation, and the MoE layer whose name the node's begins
    with. `rt.record` adds what a call took, and what it computed as far as
    shapes and the routing's offsets tell: two FLOPs per product of a matrix product, and
    each operand's bytes once; of a grouped matmul the rows that are there, and
    the matrices of those experts that have rows. What is computed for
    the record stands ahead of the clock. Kernels stay as they are.

    Runs after `moe-outline-kernels`, while kernels hold linalg and moe ops.

    ```mlir
    // moe-opt --moe-instrument-profile --canonicalize
    func.func @example(%a: memref<4xf32>, %b: memref<4xf32>) {
      call @kernel_exp(%a, %b) : (memref<4xf32>, memref<4xf32>) -> ()
      return
    }
    func.func private @kernel_exp(%a: memref<4xf32>, %b: memref<4xf32>) {
      linalg.exp ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
      return
    }
    ```
    becomes
    ```mlir
    rt.timer @kernel_exp_0 elementwise at "kernel_exp"
    func.func @example(%a: memref<4xf32>, %b: memref<4xf32>) {
      %bytes = arith.constant 32 : index
      %start = rt.clock
      call @kernel_exp(%a, %b) : (memref<4xf32>, memref<4xf32>) -> ()
      rt.record @kernel_exp_0 since %start bytes %bytes
      return
    }
    func.func private @kernel_exp(%a: memref<4xf32>, %b: memref<4xf32>) {
      linalg.exp ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
      "::moe::rt::RTDialect"];
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
    becomes
    ```mlir
    func.func @example(%wide: f32) -> f32 {
      %rounded = arith.truncf %wide fastmath<none> : f32 to bf16
      %back = arith.extf %rounded fastmath<none> : bf16 to f32
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
    weight's recipe, which the runtime executes once; so does `transB` of an
    `onnx.Gemm` whose weight nothing reads as it is. The same ops on small
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
    becomes
    ```mlir
    rt.weight @w.transposed {recipe = [#rt.transpose<[1, 0]>],
        source = [#rt.span<"m.onnx", offset = 0, length = 64, hash = 7,
                           tensor<2x8xf32>>]} : tensor<8x2xf32>
    func.func @example() -> tensor<8x2xf32> {
      %w = rt.weight_ref @w.transposed : tensor<8x2xf32>
      return %w : tensor<8x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::moe::onnx::ONNXDialect",
                           "::moe::rt::RTDialect"];
}

def FuseElementwisePass : Pass<"moe-fuse-elementwise", "::mlir::ModuleOp"> {
  let summary = "Join chains of elementwise loops on tensors";
  let description = [{
    A `linalg.generic` without reductions goes into the one that reads its
    result. Elements are computed by the same operations as before. What has
    several readers goes into each of them only where it is cheap and reads one
    tensor at most. Nothing goes into a matrix product, and nothing costly into a
    loop that would compute it again and again; along the innermost loop it may,
    since vector loops compute once what stays the same. A reduction that is the
    first of several readers takes it in, and gives it to the others. Transposes
    are loops like others, unless they turn the innermost dim.

    Fills that several loops update become one each, which bufferisation does in
    place.

    ```mlir
    #row = affine_map<(i, j) -> (i)>
    #all = affine_map<(i, j) -> (i, j)>
    func.func @example(%x: tensor<4x8xf32>, %s: tensor<4xf32>) -> tensor<4x8xf32> {
      %o = tensor.empty() : tensor<4x8xf32>
      %a = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
          ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%o : tensor<4x8xf32>) {
      ^bb0(%in: f32, %scale: f32, %out: f32):
        %0 = arith.mulf %in, %scale : f32
        linalg.yield %0 : f32
      } -> tensor<4x8xf32>
      %b = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
          ins(%a : tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) {
      ^bb0(%in: f32, %out: f32):
        %0 = math.exp %in : f32
        linalg.yield %0 : f32
      } -> tensor<4x8xf32>
      return %b : tensor<4x8xf32>
    }
    ```
    becomes
    ```mlir
    #row = affine_map<(i, j) -> (i)>
    #all = affine_map<(i, j) -> (i, j)>
    func.func @example(%x: tensor<4x8xf32>, %s: tensor<4xf32>) -> tensor<4x8xf32> {
      %o = tensor.empty() : tensor<4x8xf32>
      %b = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
          ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%o : tensor<4x8xf32>) {
      ^bb0(%in: f32, %scale: f32, %out: f32):
        %0 = arith.mulf %in, %scale : f32
        %1 = math.exp %0 : f32
        linalg.yield %1 : f32
      } -> tensor<4x8xf32>
      return %b : tensor<4x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
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
    becomes
    ```mlir
    func.func @example(%x: tensor<4xf32> {bufferization.writable = false}, %v: f32, %i: index)
        -> tensor<4xf32> {
      %y = tensor.insert %v into %x[%i] : tensor<4xf32>
      return %y : tensor<4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

#endif // MOE_TRANSFORMS_PASSES_TD
