//===- StepCost.cpp - What a call of a kernel computes --------------------===//
#include "StepCost.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "moe/Dialect/MoE/IR/MoE.h"

using namespace mlir;
using namespace moe;
using rt::Computation;

namespace {
/// Builds arithmetic on extents of a kernel's operands, which are arguments of
/// its call. A null value is one that is not known, and so is all that is made
/// of it.
class CostBuilder {
public:
  CostBuilder(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}
  /// For values of the kernel that is called.
  CostBuilder(OpBuilder &builder, func::CallOp call, func::FuncOp kernel)
      : CostBuilder(builder, call.getLoc()) {
    arguments.emplace();
    arguments->map(kernel.getArguments(), call.getOperands());
  }

  /// A kernel's value where it is called; null if it is the kernel's own.
  /// Values of the caller are themselves.
  Value outside(Value value) const {
    return arguments ? arguments->lookupOrNull(value) : value;
  }

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value times(Value a, Value b) {
    return a && b ? builder.createOrFold<arith::MulIOp>(loc, a, b) : Value();
  }
  Value plus(Value a, Value b) {
    return a && b ? builder.createOrFold<arith::AddIOp>(loc, a, b) : Value();
  }

  Value extent(Value memref, int64_t dim) {
    auto type = cast<MemRefType>(memref.getType());
    if (!type.isDynamicDim(dim))
      return constant(type.getDimSize(dim));
    Value source = outside(memref);
    return source ? builder.createOrFold<memref::DimOp>(loc, source, dim)
                  : Value();
  }

  /// The bytes of the elements that a memref shows.
  Value bytes(Value memref) {
    auto type = cast<MemRefType>(memref.getType());
    Value size = constant(elementBytes(type));
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      size = times(size, extent(memref, dim));
    return size;
  }

  Value bytesOfOperands(Operation *op) {
    Value sum = constant(0);
    for (Value operand : op->getOperands())
      if (isa<MemRefType>(operand.getType()))
        sum = plus(sum, bytes(operand));
    return sum;
  }

  /// Element `index` of a vector of i32, as an index.
  Value load(Value vector, Value index) {
    Value element = memref::LoadOp::create(builder, loc, vector, index);
    return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                      element);
  }

  static int64_t elementBytes(MemRefType type) {
    Type element = type.getElementType();
    return element.isIndex() ? 8 : (element.getIntOrFloatBitWidth() + 7) / 8;
  }

  OpBuilder &builder;
  Location loc;

private:
  /// None: values are the caller's.
  std::optional<IRMapping> arguments;
};
} // namespace

//===----------------------------------------------------------------------===//
// linalg
//===----------------------------------------------------------------------===//

/// Whether the op's region only yields what an operand holds.
static bool isMove(linalg::LinalgOp op) {
  if (isa<linalg::CopyOp, linalg::TransposeOp, linalg::BroadcastOp>(
          op.getOperation()))
    return true;
  auto yield = cast<linalg::YieldOp>(op.getBlock()->getTerminator());
  return llvm::all_of(yield.getOperands(), llvm::IsaPred<BlockArgument>);
}

static Computation classify(linalg::LinalgOp op) {
  if (isa<linalg::FillOp>(op.getOperation()))
    return Computation::Fill;
  if (!op.getBlock()->getOps<memref::LoadOp>().empty())
    return Computation::Gather;
  if (linalg::isaContractionOpInterface(op))
    return Computation::Matmul;
  if (op.getNumReductionLoops() > 0)
    return Computation::Reduction;
  return isMove(op) ? Computation::Copy : Computation::Elementwise;
}

/// The product of the extents of an op's loops.
static Value countIterations(CostBuilder &cost, linalg::LinalgOp op) {
  Value count = cost.constant(1);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    Value operand;
    unsigned dim = 0;
    if (failed(op.mapIterationSpaceDimToOperandDim(loop, operand, dim)))
      return {};
    count = cost.times(count, cost.extent(operand, dim));
  }
  return count;
}

static StepCost buildLinalgCost(CostBuilder &cost, linalg::LinalgOp op) {
  StepCost result;
  result.computation = classify(op);
  // What is gathered, and how often, is up to the indices.
  if (result.computation == Computation::Gather)
    return result;
  result.bytes = cost.bytesOfOperands(op);
  if (result.computation == Computation::Matmul)
    result.flops = cost.times(cost.constant(2), countIterations(cost, op));
  return result;
}

//===----------------------------------------------------------------------===//
// Kernels of MoE layers
//===----------------------------------------------------------------------===//

/// The number of experts that have a row.
static Value countExpertsWithRows(CostBuilder &cost, Value offsets,
                                  Value numExperts) {
  Value zero = cost.constant(0), one = cost.constant(1);
  return scf::ForOp::create(
             cost.builder, cost.loc, zero, numExperts, one, zero,
             [&](OpBuilder &builder, Location loc, Value expert,
                 ValueRange count) {
               CostBuilder inner(builder, loc);
               Value begin = inner.load(offsets, expert);
               Value end = inner.load(offsets, inner.plus(expert, one));
               Value any = arith::CmpIOp::create(
                   builder, loc, arith::CmpIPredicate::sgt, end, begin);
               Value next = arith::SelectOp::create(
                   builder, loc, any, inner.plus(count[0], one), count[0]);
               scf::YieldOp::create(builder, loc, next);
             })
      .getResult(0);
}

/// Rows that are there times K times N; matrices of experts that have rows.
static StepCost buildCost(CostBuilder &cost, GroupedMatmulOp op) {
  StepCost result;
  Value offsets = cost.outside(op.getOffsets());
  Value out = op.getOuts()[0];
  auto outType = cast<MemRefType>(out.getType());
  auto rowsType = cast<MemRefType>(op.getRows().getType());
  auto offsetsType = cast<MemRefType>(op.getOffsets().getType());
  result.computation = offsetsType.getDimSize(0) == 2
                           ? Computation::Matmul
                           : Computation::GroupedMatmul;
  Value k = cost.extent(op.getRows(), 1), n = cost.extent(out, 1);
  Value numOffsets = cost.extent(op.getOffsets(), 0);
  if (!offsets || !k || !n || !numOffsets)
    return result;
  Value numExperts = cost.plus(numOffsets, cost.constant(-1));
  Value rows = cost.load(offsets, numExperts);
  Value experts = countExpertsWithRows(cost, offsets, numExperts);

  // One row of weights is as long as what the sums take of it.
  int64_t weightBytes = 0, columnBytes = 0, rowBytes = 0;
  for (Value weight : op.getWeights())
    weightBytes += cost.elementBytes(cast<MemRefType>(weight.getType()));
  for (Value column : op.getColumns())
    columnBytes += cost.elementBytes(cast<MemRefType>(column.getType()));
  for (Value value : op.getSlotValues())
    rowBytes += cost.elementBytes(cast<MemRefType>(value.getType()));
  Value products = cost.times(cost.times(rows, k), n);
  result.flops = cost.times(
      cost.constant(2 * static_cast<int64_t>(op.getWeights().size())),
      products);

  Value perExpert =
      cost.times(n, cost.plus(cost.times(k, cost.constant(weightBytes)),
                              cost.constant(columnBytes)));
  Value perRow =
      cost.plus(cost.times(n, cost.constant(cost.elementBytes(outType))),
                cost.constant(rowBytes));
  // A token's row is read once for all its slots.
  Value inputs = rows;
  if (op.getSlotsPerRow())
    if (Value tokens = cost.extent(op.getRows(), 0))
      inputs = arith::MinSIOp::create(cost.builder, cost.loc, rows, tokens);
  Value input = cost.times(
      inputs, cost.times(k, cost.constant(cost.elementBytes(rowsType))));
  result.bytes = cost.plus(cost.plus(cost.times(experts, perExpert), input),
                           cost.times(rows, perRow));
  return result;
}

/// Products are those of the projection.
static StepCost buildCost(CostBuilder &cost, GateOp op) {
  StepCost result;
  result.computation = Computation::Gate;
  result.bytes = cost.bytesOfOperands(op);
  if (op.getProject().empty())
    return result;
  Value columns = cost.constant(0);
  for (Value matrix : op.getProject().drop_front())
    columns = cost.plus(columns, cost.extent(matrix, 1));
  Value x = op.getProject().front();
  result.flops = cost.times(
      cost.constant(2),
      cost.times(cost.times(cost.extent(x, 0), cost.extent(x, 1)), columns));
  return result;
}

/// The one op of a kernel that is no constant; null if there are more.
static Operation *findComputation(func::FuncOp kernel) {
  if (!llvm::hasSingleElement(kernel.getBody()))
    return nullptr;
  Operation *computation = nullptr;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (matchPattern(&op, m_Constant()))
      continue;
    if (computation)
      return nullptr;
    computation = &op;
  }
  return computation;
}

/// The offsets that a dispatch ahead of `call` wrote beside `rows`; `writer` is
/// its call. They may be freed before `call`.
static Value findOffsets(Value rows, func::CallOp call,
                         const SymbolTable &symbols, func::CallOp &writer) {
  for (Operation *user : rows.getUsers()) {
    auto other = dyn_cast<func::CallOp>(user);
    auto kernel = other ? symbols.lookup<func::FuncOp>(other.getCallee())
                        : func::FuncOp();
    if (!kernel || kernel.isExternal() ||
        other->getBlock() != call->getBlock() || !other->isBeforeInBlock(call))
      continue;
    auto dispatch = dyn_cast_or_null<DispatchOp>(findComputation(kernel));
    if (!dispatch)
      continue;
    auto argument = [&](Value value) {
      auto number = cast<BlockArgument>(value).getArgNumber();
      return other.getOperand(number);
    };
    if (argument(dispatch.getRows()) != rows)
      continue;
    writer = other;
    return argument(dispatch.getOffsets());
  }
  return {};
}

/// Rows of experts that are there, and all of what else is read and written.
static StepCost buildCost(CostBuilder &cost, CombineOp op, func::CallOp call,
                          const SymbolTable &symbols) {
  StepCost result;
  result.computation = Computation::Combine;
  Value rows = cost.outside(op.getRows());
  func::CallOp writer;
  Value offsets = rows ? findOffsets(rows, call, symbols, writer) : Value();
  if (!offsets)
    return result;
  Value numRows;
  {
    OpBuilder::InsertionGuard guard(cost.builder);
    cost.builder.setInsertionPointAfter(writer);
    CostBuilder caller(cost.builder, cost.loc);
    Value last = caller.plus(caller.extent(offsets, 0), caller.constant(-1));
    numRows = caller.load(offsets, last);
  }
  auto valuesType = cast<MemRefType>(op.getValues().getType());
  result.bytes = cost.times(
      numRows, cost.times(cost.extent(op.getValues(), 1),
                          cost.constant(cost.elementBytes(valuesType))));
  for (Value operand : op->getOperands())
    if (operand != op.getValues())
      result.bytes = cost.plus(result.bytes, cost.bytes(operand));
  return result;
}

StepCost moe::buildStepCost(OpBuilder &builder, func::CallOp call,
                            const SymbolTable &symbols) {
  StepCost result;
  auto kernel = symbols.lookup<func::FuncOp>(call.getCallee());
  Operation *computation = findComputation(kernel);
  CostBuilder cost(builder, call, kernel);
  if (auto op = dyn_cast_or_null<linalg::LinalgOp>(computation))
    return buildLinalgCost(cost, op);
  if (auto op = dyn_cast_or_null<GroupedMatmulOp>(computation))
    return buildCost(cost, op);
  if (auto op = dyn_cast_or_null<GateOp>(computation))
    return buildCost(cost, op);
  if (auto op = dyn_cast_or_null<DispatchOp>(computation)) {
    result.computation = Computation::Dispatch;
    result.bytes = cost.bytesOfOperands(op);
  }
  if (auto op = dyn_cast_or_null<CombineOp>(computation))
    return buildCost(cost, op, call, symbols);
  return result;
}

StepCost moe::buildCopyCost(OpBuilder &builder, Location loc, Value source) {
  CostBuilder cost(builder, loc);
  StepCost result;
  result.computation = Computation::Copy;
  result.bytes = cost.times(cost.constant(2), cost.bytes(source));
  return result;
}
