//===- MoE.h - The moe dialect ----------------------------------*- C++ -*-===//
//
// Umbrella header: dialect, enums, attributes, interfaces and ops of `moe`.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_MOE_IR_MOE_H
#define MOE_DIALECT_MOE_IR_MOE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "moe/Dialect/RT/IR/RT.h"

#include "moe/Dialect/MoE/IR/MoEDialect.h.inc"

#include "moe/Dialect/MoE/IR/MoEEnums.h.inc"

#include "moe/Dialect/MoE/IR/MoEInterfaces.h.inc"

namespace moe {

/// `ffn = 8`: that many ids of one kind, in a row.
struct ExpertRun {
  ExpertKind kind;
  int64_t count;

  bool operator==(const ExpertRun &other) const {
    return kind == other.kind && count == other.count;
  }
};

inline llvm::hash_code hash_value(const ExpertRun &run) {
  return llvm::hash_combine(static_cast<uint32_t>(run.kind), run.count);
}

} // namespace moe

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/MoE/IR/MoEAttrs.h.inc"

#define GET_OP_CLASSES
#include "moe/Dialect/MoE/IR/MoEOps.h.inc"

namespace moe {

/// Whether `op`, given which of its operands are rows ([?, ...], one per
/// token), computes its results row by row: result row t depends on row t of
/// the rows and on whole other operands only. Looks at `onnx` ops; an unknown
/// op is not row-wise. No operand that is a row: true, and no result is one.
bool isRowWise(mlir::Operation *op, llvm::ArrayRef<bool> operandIsRow);

/// Lets one-shot bufferisation turn level 2 ops into themselves on memrefs.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

/// Lets upstream's tiling cut grouped matmuls (along columns) and combines
/// (along tokens and columns) on tensors.
void registerTilingInterfaceExternalModels(mlir::DialectRegistry &registry);

} // namespace moe

#endif // MOE_DIALECT_MOE_IR_MOE_H
