//===- Matmuls.cpp - Bodies as grouped matmuls ----------------------------===//
//
// A body is a chain of stages: each is some products of the same rows with
// slices of stacked matrices, and what elementwise ops make of them. Column
// slices (Split, Slice) of a product or of what is made of it are accumulators
// of their own, so gate and up may be halves of one matrix, or its even and odd
// columns.
//
// Planning and building resolve views by the same code.
//
//===----------------------------------------------------------------------===//
#include "Layers.h"
#include "Views.h"

#include "moe/Conversion/ONNXToLinalg/Scalars.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace moe;

namespace {
enum class ViewKind {
  Product,     ///< of rows with a stacked matrix
  Column,      ///< a vector per expert, or one for all
  Number,      ///< the same at each index, a constant
  Elementwise, ///< of other views
  Other,       ///< nothing that an epilogue reads
};

using ViewList = SmallVector<View, 4>;

/// One grouped matmul: what it makes and of what.
struct StagePlan {
  Value result, lhs;
  int64_t columns;
  ViewList products, vectors;
};

class BodyPlan {
public:
  explicit BodyPlan(ExpertsOp experts) : op(experts) {}

  /// Plans all stages; false where the body has another form.
  bool plan() {
    Operation *yield = op.getBody().front().getTerminator();
    return planStage(yield->getOperand(0));
  }

  /// Grouped matmuls for the stages; the last one's result.
  Value build(LayerBuilder &b, const Dispatched &dispatched);

private:
  //===--------------------------------------------------------------------===//
  // What values are
  //===--------------------------------------------------------------------===//

  bool isArgumentOf(Value value, Block::BlockArgListType arguments) const {
    return llvm::is_contained(arguments, value);
  }
  bool isRows(Value value) const {
    return typeOf(value).getRank() == 2 && typeOf(value).isDynamicDim(0) &&
           !typeOf(value).isDynamicDim(1);
  }

  ViewKind classify(const View &view) const {
    Operation *definition = view.value.getDefiningOp();
    if (auto matmul = dyn_cast_if_present<onnx::MatMulOp>(definition))
      return isRows(matmul.getA()) && isRows(view.value) &&
                     isArgumentOf(matmul.getB(), op.getStackedArguments()) &&
                     typeOf(matmul.getB()).getRank() == 2 &&
                     typeOf(matmul.getB()).hasStaticShape()
                 ? ViewKind::Product
                 : ViewKind::Other;
    if (definition && numberOf(view.value))
      return ViewKind::Number;
    if (isa_and_present<onnx::ConstantOp>(definition) ||
        isArgumentOf(view.value, op.getStackedArguments()) ||
        isArgumentOf(view.value, op.getSharedArguments()))
      return isVector(view.value) &&
                     isa<FloatType>(typeOf(view.value).getElementType())
                 ? ViewKind::Column
                 : ViewKind::Other;
    if (definition && onnx::hasScalarForm(definition))
      return ViewKind::Elementwise;
    return ViewKind::Other;
  }

  //===--------------------------------------------------------------------===//
  // Planning
  //===--------------------------------------------------------------------===//

  bool planStage(Value result) {
    if (isArgumentOf(result, op.getRowArguments()))
      return isRows(result);
    if (llvm::any_of(stages,
                     [&](const StagePlan &s) { return s.result == result; }))
      return true;
    if (!isRows(result))
      return false;
    StagePlan stage;
    stage.result = result;
    stage.columns = typeOf(result).getDimSize(1);
    if (!collect({result}, stage) || stage.products.empty() ||
        !planStage(stage.lhs))
      return false;
    stages.push_back(std::move(stage));
    return true;
  }

  /// Adds what `view` is made of to `stage`.
  bool collect(View view, StagePlan &stage) {
    view = peel(view);
    if (!isColumnwise(view))
      return false;
    switch (classify(view)) {
    case ViewKind::Product: {
      auto matmul = view.value.getDefiningOp<onnx::MatMulOp>();
      if (stage.lhs && stage.lhs != matmul.getA())
        return false;
      stage.lhs = matmul.getA();
      if (!llvm::is_contained(stage.products, view))
        stage.products.push_back(view);
      return true;
    }
    case ViewKind::Column:
      if (!llvm::is_contained(stage.vectors, view))
        stage.vectors.push_back(view);
      return true;
    case ViewKind::Number:
      return true;
    case ViewKind::Elementwise:
      return llvm::all_of(view.value.getDefiningOp()->getOperands(),
                          [&](Value operand) {
                            return collect(operandView(view, operand), stage);
                          });
    case ViewKind::Other:
      return false;
    }
    return false;
  }

  //===--------------------------------------------------------------------===//
  // Building
  //===--------------------------------------------------------------------===//

  /// [E, N]: what `view` reads of a vector at each expert and column.
  Value buildVector(LayerBuilder &b, const View &view, int64_t columns);
  Value buildStage(LayerBuilder &b, const StagePlan &stage, Value rows,
                   bool holdsTokens, const Dispatched &dispatched);
  /// The scalar that `view` is, in the epilogue.
  Value emitScalar(LayerBuilder &b, View view, const StagePlan &stage,
                   Block &epilogue,
                   SmallVectorImpl<std::pair<View, Value>> &done);

  /// The operand of the layer that a block argument stands for.
  Value operandOf(Value argument) const {
    unsigned number = cast<BlockArgument>(argument).getArgNumber();
    if (number < op.getRows().size())
      return op.getRows()[number];
    number -= op.getRows().size();
    if (number < op.getStacked().size())
      return op.getStacked()[number];
    return op.getShared()[number - op.getStacked().size()];
  }

  mutable ExpertsOp op;          ///< a handle, whose accessors are not const
  SmallVector<StagePlan> stages; ///< in an order in which they can run
};

Value BodyPlan::buildVector(LayerBuilder &b, const View &view,
                            int64_t columns) {
  auto type = typeOf(view.value);
  int64_t experts = op.getNumExperts();
  Type element = type.getElementType();
  bool isStacked = isArgumentOf(view.value, op.getStackedArguments());
  Value source;
  if (auto constant = view.value.getDefiningOp<onnx::ConstantOp>())
    source = b.clone(*constant)->getResult(0);
  else
    source = operandOf(view.value);
  int64_t rank = typeOf(source).getRank();
  bool isWhole = view.offset == 0 && view.stride == 1 && rank == 2 &&
                 typeOf(source).getDimSize(1) == columns;
  if (isStacked && isWhole)
    return source;
  return b.generate(
      {b.getIndexAttr(experts), b.getIndexAttr(columns)}, element,
      [&](LayerBuilder &inner, ValueRange at) {
        SmallVector<Value> from(rank, inner.index(0));
        if (isStacked)
          from.front() = at[0];
        if (rank > (isStacked ? 1 : 0))
          from.back() = arith::AddIOp::create(
              inner,
              arith::MulIOp::create(inner, at[1], inner.index(view.stride)),
              inner.index(view.offset));
        return inner.extract(source, from);
      });
}

Value BodyPlan::emitScalar(LayerBuilder &b, View view, const StagePlan &stage,
                           Block &epilogue,
                           SmallVectorImpl<std::pair<View, Value>> &done) {
  view = peel(view);
  for (auto &[known, value] : done)
    if (known == view)
      return value;
  Value result;
  switch (classify(view)) {
  case ViewKind::Product: {
    // An accumulator, as the product that onnx.MatMul rounds.
    auto position = llvm::find(stage.products, view) - stage.products.begin();
    Value sum = epilogue.getArgument(position);
    result = onnx::castScalar(b, sum, sum.getType(),
                              typeOf(view.value).getElementType());
    break;
  }
  case ViewKind::Column: {
    auto position = llvm::find(stage.vectors, view) - stage.vectors.begin();
    result = epilogue.getArgument(stage.products.size() + position);
    break;
  }
  case ViewKind::Number:
    result = arith::ConstantOp::create(b, numberOf(view.value));
    break;
  case ViewKind::Elementwise:
  case ViewKind::Other: {
    Operation *definition = view.value.getDefiningOp();
    SmallVector<Value> arguments;
    for (Value operand : definition->getOperands())
      arguments.push_back(
          emitScalar(b, operandView(view, operand), stage, epilogue, done));
    result = onnx::emitScalar(b, definition, arguments);
    break;
  }
  }
  done.emplace_back(view, result);
  return result;
}

Value BodyPlan::buildStage(LayerBuilder &b, const StagePlan &stage, Value rows,
                           bool holdsTokens, const Dispatched &dispatched) {
  SmallVector<Value> weights, columns;
  SmallVector<int64_t> offsets, strides;
  SmallVector<Type> types;
  for (const View &product : stage.products) {
    auto matmul = product.value.getDefiningOp<onnx::MatMulOp>();
    weights.push_back(operandOf(matmul.getB()));
    offsets.push_back(product.offset);
    strides.push_back(product.stride);
    types.push_back(onnx::accumulatorType(elementOf(weights.back())));
  }
  for (const View &vector : stage.vectors) {
    columns.push_back(buildVector(b, vector, stage.columns));
    types.push_back(elementOf(columns.back()));
  }
  bool isDense = llvm::all_of(offsets, [](int64_t o) { return o == 0; });
  bool isContiguous = llvm::all_of(strides, [](int64_t s) { return s == 1; });
  Value out = b.empty({dispatched.count, b.getIndexAttr(stage.columns)},
                      typeOf(stage.result).getElementType());
  // Groups behind those of the experts have no matrix.
  Value ends = dispatched.offsets;
  int64_t experts = op.getNumExperts();
  if (staticExtent(ends, 0) != experts + 1) {
    SmallVector<OpFoldResult> first{b.getIndexAttr(0)}, unit{b.getIndexAttr(1)};
    ends = tensor::ExtractSliceOp::create(
        b, ends, first, ArrayRef<OpFoldResult>{b.getIndexAttr(experts + 1)},
        unit);
  }
  auto matmul = GroupedMatmulOp::create(
      b, b.partLoc("grouped_matmul"), out.getType(), rows,
      holdsTokens ? dispatched.slots : Value(), ends, weights, columns,
      /*slot_values=*/ValueRange(), out,
      holdsTokens ? b.getI64IntegerAttr(dispatched.slotsPerRow) : IntegerAttr(),
      isDense ? DenseI64ArrayAttr() : b.getDenseI64ArrayAttr(offsets),
      isContiguous ? DenseI64ArrayAttr() : b.getDenseI64ArrayAttr(strides),
      getCounter(op), /*schedule=*/ScheduleAttrInterface());
  OpBuilder::InsertionGuard guard(b);
  Block *epilogue =
      b.createBlock(&matmul.getEpilogue(), {}, types,
                    SmallVector<Location>(types.size(), b.getLoc()));
  SmallVector<std::pair<View, Value>> done;
  Value result = emitScalar(b, {stage.result}, stage, *epilogue, done);
  YieldOp::create(b, result);
  return matmul.getResult(0);
}

Value BodyPlan::build(LayerBuilder &b, const Dispatched &dispatched) {
  DenseMap<Value, Value> made;
  Value result;
  for (const StagePlan &stage : stages) {
    Value rows = made.lookup(stage.lhs);
    bool holdsTokens = !rows;
    if (!rows) {
      rows = operandOf(stage.lhs);
      bool isFirst = cast<BlockArgument>(stage.lhs).getArgNumber() == 0;
      // Scaled rows differ per slot. The sums of a scaled row round otherwise
      // than scaled sums, so the row is scaled, as the graph does it.
      if (isFirst && op.getInputWeights()) {
        rows = gatherRows(b, rows, dispatched, b.index(0), dispatched.count,
                          op.getInputWeights());
        made[stage.lhs] = rows;
        holdsTokens = false;
      }
    }
    result = buildStage(b, stage, rows, holdsTokens, dispatched);
    made[stage.result] = result;
  }
  return result;
}
} // namespace

Value moe::lowerAsMatmuls(ExpertsOp op, LayerBuilder &b,
                          const Dispatched &dispatched) {
  BodyPlan plan(op);
  if (!plan.plan())
    return nullptr;
  return plan.build(b, dispatched);
}
