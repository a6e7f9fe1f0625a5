//===- MicroKernel.cpp - A tile of sums in registers ----------------------===//
#include "MicroKernel.h"

#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Steps of each sum in one round of the loop.
static constexpr int64_t unroll = 4;

static MemRefType flatType(Type element) {
  return MemRefType::get({ShapedType::kDynamic}, element);
}

static std::string makeName(const MicroKernelShape &shape) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << "tile_" << shape.element << '_' << shape.rows << 'x' << shape.vectors
     << 'x' << shape.lanes << "_rows" << shape.rowStride;
  if (shape.step > 1)
    os << "_dot";
  if (!shape.prefetches)
    os << "_stream";
  if (shape.starts)
    os << "_first";
  return name;
}

namespace {
/// Writes the body of one micro-kernel.
class MicroKernelEmitter {
public:
  MicroKernelEmitter(const MicroKernelShape &shape, KernelBuilder &b,
                     ValueRange arguments)
      : shape(shape), b(b) {
    auto take = [&] {
      Value first = arguments.front();
      arguments = arguments.drop_front();
      return first;
    };
    rows = take(), rowsAt = take();
    for (int64_t v = 0; v < shape.vectors; ++v) {
      panels.push_back(take());
      panelsAt.push_back(take());
      if (shape.prefetches)
        nextAt.push_back(take());
    }
    if (shape.prefetches)
      nextStep = take();
    numSteps = take(), sums = take(), sumsAt = take();
  }

  void emit() {
    Value zeros = b.splat(b.number(b.elementOf(sums), 0), shape.lanes);
    SmallVector<Value> state;
    forEachSum([&](Value at) {
      state.push_back(shape.starts ? zeros
                                   : b.loadVector(sums, at, shape.lanes));
    });
    Value rest = b.rem(numSteps, b.index(unroll));
    Value middle = b.sub(numSteps, rest);
    state = emitLoop(b.index(0), middle, unroll, state);
    state = emitLoop(middle, numSteps, 1, state);
    Value *next = state.begin();
    forEachSum([&](Value at) { b.storeVector(*next++, sums, at); });
  }

private:
  void forEachSum(function_ref<void(Value at)> action) {
    for (int64_t i = 0; i < shape.rows * shape.vectors; ++i)
      action(b.add(sumsAt, b.index(i * shape.lanes)));
  }

  SmallVector<Value> emitLoop(Value lower, Value upper, int64_t count,
                              ArrayRef<Value> state) {
    auto loop =
        scf::ForOp::create(b, lower, upper, b.index(count), ValueRange(state));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next(loop.getRegionIterArgs());
    for (int64_t i = 0; i < count; ++i) {
      Value k = b.add(loop.getInductionVar(), b.index(i));
      emitPrefetch(k);
      emitProducts(k, next);
    }
    scf::YieldOp::create(b, next);
    return llvm::to_vector(ValueRange(loop.getResults()));
  }

  /// state[r][v] = rows[r][k] * panels[v][k] + state[r][v] at step `k`
  void emitProducts(Value k, MutableArrayRef<Value> state) {
    int64_t elements = shape.lanes * shape.step;
    Value inPanel = b.mul(k, b.index(elements));
    SmallVector<Value> factors;
    for (auto [panel, at] : llvm::zip_equal(panels, panelsAt)) {
      Value factor = b.loadVector(panel, b.add(at, inPanel), elements);
      factors.push_back(hasPairs() ? factor : b.widenVector(factor));
    }
    Value inRow = b.add(rowsAt, b.mul(k, b.index(shape.step)));
    for (int64_t r = 0; r < shape.rows; ++r) {
      Value at = b.add(inRow, b.index(r * shape.rowStride));
      Value element = hasPairs()
                          ? b.splatGroup(rows, at, shape.step, shape.lanes)
                          : b.splat(b.load(rows, at), shape.lanes);
      for (Value factor : factors) {
        state.front() = addProducts(element, factor, state.front());
        state = state.drop_front();
      }
    }
  }

  Value addProducts(Value element, Value factor, Value sum) {
    if (!hasPairs())
      return vector::FMAOp::create(b, element, factor, sum);
    return x86vector::DotBF16Op::create(b, sum.getType(), sum, factor, element);
  }

  bool hasPairs() const { return shape.step > 1; }

  /// Asks for a line of each panel that is read next.
  void emitPrefetch(Value k) {
    if (!shape.prefetches)
      return;
    Value ahead = b.mul(k, nextStep);
    for (auto [panel, next] : llvm::zip_equal(panels, nextAt))
      memref::PrefetchOp::create(b, panel, ValueRange{b.add(next, ahead)},
                                 /*isWrite=*/false, /*localityHint=*/3,
                                 /*isDataCache=*/true);
  }

  const MicroKernelShape &shape;
  KernelBuilder &b;
  Value rows, rowsAt, nextStep, numSteps, sums, sumsAt;
  SmallVector<Value> panels, panelsAt, nextAt;
};
} // namespace

void MicroKernels::call(KernelBuilder &b, const MicroKernelShape &shape,
                        const MicroKernelOperands &operands) {
  SmallVector<Value> arguments{operands.rows, operands.rowsAt};
  for (int64_t v = 0; v < shape.vectors; ++v) {
    arguments.push_back(operands.panels[v]);
    arguments.push_back(operands.panelsAt[v]);
    if (shape.prefetches)
      arguments.push_back(operands.nextAt[v]);
  }
  if (shape.prefetches)
    arguments.push_back(operands.nextStep);
  llvm::append_values(arguments, operands.numSteps, operands.sums,
                      operands.sumsAt);
  func::CallOp::create(b, get(b.getLoc(), shape), arguments);
}

/// func.func private @tile_f32_2x2x16(%rows, %at, %panel0, ..., %sums, %at)
///     attributes {passthrough = ["noinline"]} { ... }
func::FuncOp MicroKernels::get(Location loc, const MicroKernelShape &shape) {
  std::string name = makeName(shape);
  if (auto existing = symbols.lookup<func::FuncOp>(name))
    return existing;
  MLIRContext *context = loc.getContext();
  Type index = IndexType::get(context);
  auto sum = flatType(onnx::accumulatorType(shape.element));
  auto panel = flatType(shape.element);
  SmallVector<Type> types{shape.step > 1 ? panel : sum, index};
  for (int64_t v = 0; v < shape.vectors; ++v) {
    types.append({panel, index});
    if (shape.prefetches)
      types.push_back(index);
  }
  if (shape.prefetches)
    types.push_back(index);
  types.append({index, sum, index});
  // Of all callers, no one's place.
  auto function = func::FuncOp::create(UnknownLoc::get(context), name,
                                       FunctionType::get(context, types, {}));
  function.setPrivate();
  // One copy of the code for all callers. The conversion to the llvm dialect
  // keeps this, unlike the op's own attribute.
  function->setAttr(
      "passthrough",
      ArrayAttr::get(context, StringAttr::get(context, "noinline")));
  symbols.insert(function);
  Block *entry = function.addEntryBlock();
  KernelBuilder b(function.getLoc(), context);
  b.setInsertionPointToStart(entry);
  MicroKernelEmitter(shape, b, entry->getArguments()).emit();
  func::ReturnOp::create(b);
  return function;
}
