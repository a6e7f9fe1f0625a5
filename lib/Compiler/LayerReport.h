//===- LayerReport.h - One line per MoE layer -------------------*- C++ -*-===//
//
// What the MoE passes said of each layer through remarks, gathered by layer:
//
//   layers.0.moe: 8 experts, top-3 of 16 columns; proven; 8 zero experts cost
//   nothing
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_COMPILER_LAYERREPORT_H
#define MOE_LIB_COMPILER_LAYERREPORT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/MapVector.h"

#include <string>

namespace moe {

/// What passes said of one layer, in order.
struct LayerRemarks {
  llvm::SmallVector<std::string, 4> phrases;
  /// Why it is not raised, or not kept: each time with a place.
  llvm::SmallVector<std::pair<std::string, mlir::Location>, 1> misses;
};

class LayerReport {
public:
  /// Gathers the remarks of `context` from here on; both live until it is
  /// printed.
  explicit LayerReport(mlir::MLIRContext &context);

  /// Tells experts of attention in `module`, which ran the passes that raise,
  /// from layers that might have been raised.
  void findAttention(mlir::ModuleOp module);

  /// One line per layer, in the order of the model.
  void print(llvm::raw_ostream &out) const;

  /// Layers that run as the graph was written, each with the reason; experts of
  /// attention are none.
  llvm::SmallVector<std::string> getMissed() const;

private:
  llvm::MapVector<mlir::StringAttr, LayerRemarks> layers;
};

} // namespace moe

#endif // MOE_LIB_COMPILER_LAYERREPORT_H
