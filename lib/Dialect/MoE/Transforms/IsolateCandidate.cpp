//===- IsolateCandidate.cpp - A candidate as a module of its own ----------===//
//
// Only what a computation depends on survives: not names, not locations, not
// where the model keeps its weights. So layers that differ in those have equal
// text, and are proven once.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Transforms/RaiseEvaluator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

namespace {
/// Bytes of one file that spans cover without a hole: they move as one, so that
/// spans share bytes in the random file where they do in the model's.
struct Extent {
  StringRef file;
  uint64_t begin, end;
  /// In the random file.
  uint64_t place = 0;
};

/// Gives every span of some weights a place in the random file.
class RandomFileLayout {
public:
  void add(rt::WeightOp weight);
  /// Call once, after all weights were added.
  void place();
  /// `weight`'s spans in the random file.
  ArrayAttr getSource(rt::WeightOp weight) const;

private:
  /// Content of the random file is made for whole pages.
  static constexpr uint64_t pageSize = 4096;

  const Extent &find(rt::SpanAttr span) const;

  SmallVector<rt::SpanAttr> spans;
  /// In the order of the first span of each.
  SmallVector<Extent> extents;
};
} // namespace

void RandomFileLayout::add(rt::WeightOp weight) {
  llvm::append_range(spans, weight.getSource().getAsRange<rt::SpanAttr>());
}

const Extent &RandomFileLayout::find(rt::SpanAttr span) const {
  return *llvm::find_if(extents, [&](const Extent &extent) {
    return extent.file == span.getFile() && extent.begin <= span.getOffset() &&
           span.getOffset() + span.getLength() <= extent.end;
  });
}

void RandomFileLayout::place() {
  SmallVector<rt::SpanAttr> sorted = spans;
  llvm::sort(sorted, [](rt::SpanAttr a, rt::SpanAttr b) {
    return std::tuple(a.getFile(), a.getOffset(), a.getLength()) <
           std::tuple(b.getFile(), b.getOffset(), b.getLength());
  });
  for (rt::SpanAttr span : sorted) {
    uint64_t end = span.getOffset() + span.getLength();
    Extent *last = extents.empty() ? nullptr : &extents.back();
    if (last && last->file == span.getFile() && span.getOffset() < last->end)
      last->end = std::max(last->end, end);
    else
      extents.push_back({span.getFile(), span.getOffset(), end});
  }

  // Order of the file -> order of use: only the latter is the same in another
  // layer.
  SmallVector<Extent> inOrder;
  llvm::DenseMap<std::pair<StringRef, uint64_t>, unsigned> seen;
  for (rt::SpanAttr span : spans) {
    const Extent &extent = find(span);
    if (!seen.try_emplace({extent.file, extent.begin}, inOrder.size()).second)
      continue;
    inOrder.push_back(extent);
  }
  extents = std::move(inOrder);

  // Addresses cost nothing: windows of the random file are mapped, not read.
  uint64_t next = 0;
  for (Extent &extent : extents) {
    extent.place = next;
    next += llvm::alignTo(extent.end - extent.begin, pageSize);
  }
}

ArrayAttr RandomFileLayout::getSource(rt::WeightOp weight) const {
  SmallVector<Attribute> source;
  for (auto span : weight.getSource().getAsRange<rt::SpanAttr>()) {
    const Extent &extent = find(span);
    source.push_back(rt::SpanAttr::get(
        span.getContext(), randomFileName,
        extent.place + span.getOffset() - extent.begin, span.getLength(),
        /*hash=*/0, span.getType()));
  }
  return ArrayAttr::get(weight.getContext(), source);
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

/// Clones what makes `value` of weights and constants, and maps it.
static llvm::Error cloneWeight(Value value, OpBuilder &b, IRMapping &mapping) {
  if (mapping.contains(value))
    return llvm::Error::success();
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() || !isPure(op))
    return llvm::createStringError(
        "an operand that is not a row is not made of weights and constants");
  for (Value operand : op->getOperands())
    if (llvm::Error error = cloneWeight(operand, b, mapping))
      return error;
  b.clone(*op, mapping);
  return llvm::Error::success();
}

/// Moves the weights that `function` refers to into `module`, with new names
/// and places.
static void isolateWeights(ModuleOp source, ModuleOp module,
                           func::FuncOp function) {
  SymbolTable symbols(source);
  llvm::MapVector<StringAttr, rt::WeightOp> weights;
  RandomFileLayout layout;
  function.walk([&](rt::WeightRefOp ref) {
    StringAttr name = ref.getWeightAttr().getAttr();
    auto weight = symbols.lookup<rt::WeightOp>(name);
    if (weights.insert({name, weight}).second)
      layout.add(weight);
  });
  layout.place();

  auto b = OpBuilder::atBlockBegin(module.getBody());
  llvm::DenseMap<StringAttr, FlatSymbolRefAttr> names;
  for (auto [i, entry] : llvm::enumerate(weights)) {
    auto weight = cast<rt::WeightOp>(b.clone(*entry.second));
    weight.setSymName("w" + std::to_string(i));
    weight.setSourceAttr(layout.getSource(weight));
    names[entry.first] = FlatSymbolRefAttr::get(weight.getSymNameAttr());
  }
  function.walk([&](rt::WeightRefOp ref) {
    ref.setWeightAttr(names[ref.getWeightAttr().getAttr()]);
  });
}

llvm::Expected<std::string> moe::isolateCandidate(CandidateOp candidate) {
  MLIRContext *context = candidate.getContext();
  // The text must not tell where the candidate was: equal ones are proven once.
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  auto b = OpBuilder::atBlockEnd(module->getBody());
  OperandRange rows = candidate.getInputs().take_front(candidate.getRows());
  auto function = func::FuncOp::create(
      b, loc, "main",
      b.getFunctionType(rows.getTypes(), candidate.getResultTypes()));
  b.setInsertionPointToStart(function.addEntryBlock());

  // A row may be an operand twice; as a weight it would be out of reach.
  IRMapping mapping;
  for (Value weight : candidate.getInputs().drop_front(candidate.getRows()))
    if (llvm::Error error = cloneWeight(weight, b, mapping))
      return std::move(error);
  auto clone = cast<CandidateOp>(b.clone(*candidate, mapping));
  for (auto [i, argument] : llvm::enumerate(function.getArguments()))
    clone->setOperand(i, argument);
  func::ReturnOp::create(b, loc, clone.getResults());

  ModuleOp source = candidate->getParentOfType<ModuleOp>();
  isolateWeights(source, *module, function);
  module->walk([&](rt::RequireOp require) { require.setWhere(""); });

  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(false));
  return text;
}
