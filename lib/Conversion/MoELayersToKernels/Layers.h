//===- Layers.h - Shared by the lowerings of layers -------------*- C++ -*-===//
//
// Ids first: each layer's ids become ids of its groups of rows, made by a gate
// or by small loops. Then its experts, by one of two bodies.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOELAYERSTOKERNELS_LAYERS_H
#define MOE_LIB_CONVERSION_MOELAYERSTOKERNELS_LAYERS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe {

/// The builder of one layer's kernels.
class LayerBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// Stands ahead of `op` and has its location.
  explicit LayerBuilder(mlir::Operation *op)
      : ImplicitLocOpBuilder(op->getLoc(), op) {}

  /// The layer's location with `part` behind its name: profiles name kernels.
  mlir::Location partLoc(llvm::StringRef part);

  mlir::Value index(int64_t value);
  mlir::Value i32(int64_t value);
  mlir::Value toIndex(mlir::Value value);
  mlir::Value toI32(mlir::Value value);
  /// Extents, attributes where static.
  mlir::OpFoldResult extent(mlir::Value tensor, int64_t dim);
  mlir::Value indexValue(mlir::OpFoldResult extent);
  mlir::Value empty(llvm::ArrayRef<mlir::OpFoldResult> extents,
                    mlir::Type element);
  mlir::Value extract(mlir::Value tensor, mlir::ValueRange at);

  /// A tensor of these extents computed element by element.
  mlir::Value generate(
      llvm::ArrayRef<mlir::OpFoldResult> extents, mlir::Type element,
      llvm::function_ref<mlir::Value(LayerBuilder &, mlir::ValueRange)> body);
  /// Ends the run with `message` unless `condition` holds.
  void require(mlir::Value condition, const llvm::Twine &message);

  /// A builder for the inside of an op that this one has made.
  LayerBuilder(mlir::Location loc, mlir::OpBuilder &builder)
      : ImplicitLocOpBuilder(loc, builder) {}
};

inline int64_t staticExtent(mlir::Value tensor, int64_t dim) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType()).getDimSize(dim);
}
inline mlir::Type elementOf(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType()).getElementType();
}

/// What a layer's experts become groups of: the ffn ids, then each copy and
/// each constant id. Zero ids have none.
struct Groups {
  explicit Groups(KindsAttr kinds);
  int64_t getCount() const { return experts + copies + constants; }
  /// Whether ids are groups already.
  bool isIdentity() const;

  int64_t experts, copies, constants;
  llvm::SmallVector<int32_t> table; ///< the group of each id, or -1
};

/// Rows of a layer's slots, sorted by group.
struct Dispatched {
  mlir::Value offsets, slots, rows;
  mlir::OpFoldResult tokens, count; ///< T and R = T k
  int64_t slotsPerRow;              ///< k
};

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

/// Loops for ids that no gate makes. Those that index by an id check it.
void lowerRenumber(RenumberOp op);
void lowerSlotSum(SlotSumOp op);
/// table[id] for each id, -1 for -1; ids beyond the table end the run.
mlir::Value lookUpIds(LayerBuilder &b, mlir::Value ids,
                      llvm::ArrayRef<int32_t> table);
/// The number of slots per id in [0, count); ids beyond end the run.
mlir::Value countSlots(LayerBuilder &b, mlir::Value ids, int64_t count);
/// Whether a histogram of ids after `table` tells the slots of each expert with
/// weights: no other id comes to the same one.
bool keepsCounts(llvm::ArrayRef<int32_t> table, KindsAttr kinds);
/// Adds to the counters of a layer, given ids [T, k] and their histogram after
/// `table`, if any.
void countExperts(CountOp op, mlir::Value ids, mlir::Value histogram,
                  llvm::ArrayRef<int32_t> table);
/// The same of ids that no gate makes.
void lowerCount(CountOp op);
/// The layer that counts the FLOPs of these experts, or null.
mlir::FlatSymbolRefAttr getCounter(ExpertsOp op);

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

/// The values [R, H] of all slots by grouped matmuls; null, and nothing built,
/// where the body is no chain of matrix products with elementwise ops between.
mlir::Value lowerAsMatmuls(ExpertsOp op, LayerBuilder &b,
                           const Dispatched &dispatched);
/// The same by a loop over experts with the body inlined, for any body.
mlir::Value lowerAsLoop(ExpertsOp op, LayerBuilder &b,
                        const Dispatched &dispatched);
/// The rows of `rows` that belong to the slots at [begin, begin + count), times
/// `factors` [T, k] if given.
mlir::Value gatherRows(LayerBuilder &b, mlir::Value rows,
                       const Dispatched &dispatched, mlir::Value begin,
                       mlir::OpFoldResult count, mlir::Value factors);

/// moe.experts -> moe.dispatch, values, moe.combine. `counts` of its groups may
/// be null. Fails after an error.
mlir::LogicalResult lowerExperts(ExpertsOp op, const Groups &groups,
                                 mlir::Value counts);

} // namespace moe

#endif // MOE_LIB_CONVERSION_MOELAYERSTOKERNELS_LAYERS_H
