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
    that LLVM optimises alone, in time linear in the size of the model. Equal
    kernels are merged by `duplicate-function-elimination`.

    Constants that a kernel uses are copied into it; all else that it takes from
    outside becomes an argument, scalars that it gives become results. A loop
    that yields memrefs, allocates or checks a precondition stays where it is,
    and what is in it is outlined instead.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif // MOE_TRANSFORMS_PASSES_TD
