//===- RT.h - The rt dialect ------------------------------------*- C++ -*-===//
//
// Umbrella header: dialect, attributes, interfaces and ops of `rt`.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_RT_IR_RT_H
#define MOE_DIALECT_RT_IR_RT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "moe/Dialect/RT/IR/RTDialect.h.inc"

#include "moe/Dialect/RT/IR/RTInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/RT/IR/RTAttrs.h.inc"

namespace moe::rt {
/// The resource that `rt.require` writes: no memory, but an op that writes it
/// is neither dead nor free to move.
struct RunStatus : public mlir::SideEffects::Resource::Base<RunStatus> {
  llvm::StringRef getName() final { return "RunStatus"; }
};
} // namespace moe::rt

#define GET_OP_CLASSES
#include "moe/Dialect/RT/IR/RTOps.h.inc"

namespace moe::rt {

/// Bytes of a static tensor as weights store it: bool takes one byte, other
/// types their bit width, rounded up to bytes. Fails on overflow.
std::optional<uint64_t> getStorageSize(mlir::RankedTensorType type);

/// The interface of an entry function, from its attributes `rt.name`, `rt.dims`
/// and `rt.type`; a value without a name is called `arg<i>` or `result<i>`.
llvm::SmallVector<ValueAttr> getInputs(mlir::FunctionOpInterface function);
llvm::SmallVector<ValueAttr> getOutputs(mlir::FunctionOpInterface function);

/// Whether tensors of this element type can be a model's weights, inputs and
/// outputs: bool, integers of 8 to 64 bits, f16, bf16, f32, f64.
bool isElementType(mlir::Type type);

/// The one public function with a body, or null after an error. Its arguments
/// and results are ranked tensors or contiguous memrefs of such elements.
mlir::FunctionOpInterface getEntryFunction(mlir::ModuleOp module);

/// Lets one-shot bufferisation turn `rt.weight_ref` into a read-only memref.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace moe::rt

#endif // MOE_DIALECT_RT_IR_RT_H
