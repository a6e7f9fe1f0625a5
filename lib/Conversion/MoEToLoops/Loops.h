//===- Loops.h - Building loops on memrefs ----------------------*- C++ -*-===//
//
// What the lowerings of the kernels share: loops, row buffers, and scalars that
// are computed in f32 and rounded as the onnx ops round them.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOLOOPS_LOOPS_H
#define MOE_LIB_CONVERSION_MOETOLOOPS_LOOPS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"
#include "moe/Conversion/ONNXToLinalg/Scalars.h"
#include "moe/Dialect/MoE/IR/MoE.h"

namespace moe {

/// The builder of one kernel's loops.
class LoopBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Body = llvm::function_ref<void(mlir::Value index)>;
  using FoldBody =
      llvm::function_ref<mlir::Value(mlir::Value index, mlir::Value state)>;
  using Branch = llvm::function_ref<void()>;

  mlir::Value index(int64_t value);
  mlir::Value i32(int64_t value);
  mlir::Value number(mlir::Type type, double value);

  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value lhs,
                      mlir::Value rhs);
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value lhs,
                      mlir::Value rhs);
  mlir::Value toIndex(mlir::Value value);
  mlir::Value toI32(mlir::Value value);

  /// for (i = lower; i < upper; i += step) body(i)
  void forEach(mlir::Value lower, mlir::Value upper, Body body,
               int64_t step = 1);
  /// The same with one carried value.
  mlir::Value fold(mlir::Value lower, mlir::Value upper, mlir::Value init,
                   FoldBody body, int64_t step = 1);
  void ifTrue(mlir::Value condition, Branch body);

  mlir::Value load(mlir::Value memref, mlir::ValueRange at);
  void store(mlir::Value value, mlir::Value memref, mlir::ValueRange at);
  /// Extent `dim` of a memref, a constant where it is static.
  mlir::Value extent(mlir::Value memref, int64_t dim);
  /// The same if it is static.
  static int64_t staticExtent(mlir::Value memref, int64_t dim);
  static mlir::Type elementOf(mlir::Value memref);

  /// A float, or a vector of floats, as its accumulator's type.
  mlir::Value widen(mlir::Value value);
  /// `value`, of an accumulator's type, as a value of `type` in it.
  mlir::Value rounded(mlir::Value value, mlir::Type type);
  /// `value`, of an accumulator's type, in `type`.
  mlir::Value narrow(mlir::Value value, mlir::Type type);
};

/// Buffers of a kernel that live as long as it: on the stack of the function,
/// or of the thread's share of it, where small and static, else allocated where
/// the builder stands.
class Workspace {
public:
  /// An alignment of 0 is that of the elements.
  explicit Workspace(LoopBuilder &b, int64_t alignment = 0)
      : b(b), alignment(alignment) {}

  /// `count` elements of `type`; `size` is the same as a value.
  mlir::Value buffer(int64_t count, mlir::Value size, mlir::Type type);
  mlir::Value buffer(int64_t count, mlir::Type type);
  /// Frees what was allocated: call it behind the loops.
  void release();

private:
  LoopBuilder &b;
  int64_t alignment;
  llvm::SmallVector<mlir::Value> allocations;
};

/// Each writes the loops of `op` ahead of it. `symbols` takes the tables.
void lowerGate(GateOp op, LoopBuilder &b, mlir::SymbolTable &symbols);
void lowerDispatch(DispatchOp op, LoopBuilder &b);
void lowerGroupedMatmul(GroupedMatmulOp op, LoopBuilder &b);
void lowerCombine(CombineOp op, LoopBuilder &b);

} // namespace moe

#endif // MOE_LIB_CONVERSION_MOETOLOOPS_LOOPS_H
