//===- Einsum.h - The notation of onnx.Einsum -------------------*- C++ -*-===//
//
// Parses an equation for operands of known ranks. Used by the verifier and by
// the lowering, so that both mean the same.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_EINSUM_H
#define MOE_DIALECT_ONNX_IR_EINSUM_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace moe::onnx {

/// One label per dim of each operand and of the result. Letters are their
/// character codes; the dims of an ellipsis are negative, -1 the last one, so
/// that they align from the right.
struct EinsumEquation {
  llvm::SmallVector<llvm::SmallVector<int64_t>> operands;
  llvm::SmallVector<int64_t> result;
};

/// The labels of `equation` for operands of these ranks; failure after a call
/// of `emitError`.
mlir::FailureOr<EinsumEquation>
parseEinsum(llvm::StringRef equation, llvm::ArrayRef<int64_t> ranks,
            llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_IR_EINSUM_H
