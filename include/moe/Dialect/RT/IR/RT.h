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

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include "moe/Dialect/RT/IR/RTDialect.h.inc"

#include "moe/Dialect/RT/IR/RTEnums.h.inc"

#include "moe/Dialect/RT/IR/RTInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/RT/IR/RTAttrs.h.inc"

namespace moe::rt {
/// The resource that `rt.require` writes: no memory, but an op that writes it
/// is neither dead nor free to move.
struct RunStatus : public mlir::SideEffects::Resource::Base<RunStatus> {
  llvm::StringRef getName() final { return "RunStatus"; }
};

/// The resource that `rt.count` writes.
struct Counters : public mlir::SideEffects::Resource::Base<Counters> {
  llvm::StringRef getName() final { return "Counters"; }
};

/// The resource that `rt.clock` and `rt.record` write: neither moves.
struct Clock : public mlir::SideEffects::Resource::Base<Clock> {
  llvm::StringRef getName() final { return "Clock"; }
};
} // namespace moe::rt

#define GET_OP_CLASSES
#include "moe/Dialect/RT/IR/RTOps.h.inc"

namespace moe::rt {

/// Bytes of a static tensor as weights store it: bool takes one byte, other
/// types their bit width, rounded up to bytes. Fails on overflow.
std::optional<uint64_t> getStorageSize(mlir::RankedTensorType type);

/// The name of a span's file without `.` components; a phrase that says what is
/// wrong with a name that does not lead below the model's folder.
llvm::Expected<std::string> normalizeSpanFile(llvm::StringRef file);

/// The real path of a span's file in the model's folder; a phrase that says
/// what is wrong where it does not exist or a link leads out of the folder.
llvm::Expected<std::string> locateSpanFile(llvm::StringRef folder,
                                           llvm::StringRef file);

/// The interface of an entry function, from its attributes `rt.name`, `rt.dims`
/// and `rt.type`; a value without a name is called `arg<i>` or `result<i>`.
llvm::SmallVector<ValueAttr> getInputs(mlir::FunctionOpInterface function);
llvm::SmallVector<ValueAttr> getOutputs(mlir::FunctionOpInterface function);

/// The name of the ONNX node that a location was made of: its outermost name,
/// or an empty string.
llvm::StringRef getNodeName(mlir::Location loc);

/// Whether `layer`, which `op` counts into, is an `rt.layer` that is counted;
/// an error of `op` if not.
mlir::LogicalResult verifyCounted(mlir::Operation *op,
                                  mlir::FlatSymbolRefAttr layer,
                                  mlir::SymbolTableCollection &symbols);

/// Where the counters of each counted layer start in a context's: tokens, FLOPs
/// of experts, slots of each expert, as `Counter` numbers them.
llvm::StringMap<int64_t> getFirstCounters(mlir::ModuleOp module);

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
