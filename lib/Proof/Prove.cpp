//===- Prove.cpp - The proof of one candidate -----------------------------===//
#include "moe/Proof/Proof.h"

#include "Compare.h"
#include "Inputs.h"
#include "Side.h"
#include "Weights.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/IR/Matchers.h"
#include "moe/Dialect/MoE/Analysis/Reachability.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <ctime>
#include <set>

using namespace mlir;
using namespace moe;

/// Token counts, in the order in which they are tried.
static constexpr int64_t tokenCounts[] = {7, 2, 1, 0, 33};

/// Shares of the time limit. Inputs until every expert had a token are what a
/// proof cannot do without. Others make it stronger, but compiling a large
/// model should not wait for them: they have a share of the processor's time,
/// too.
static constexpr double coverageShare = 0.8, inputsShare = 0.5,
                        processorShare = 0.2;

/// How much optimisation pays: runs are as long as the weights are large, the
/// compilation is not.
static unsigned chooseOptLevel(uint64_t weightBytes) {
  return weightBytes < (uint64_t(256) << 10) ? 0
         : weightBytes < (uint64_t(8) << 20) ? 1
                                             : 3;
}

namespace {
/// One proof: what it is about, and what it has found so far.
class Prover {
public:
  Prover(ModuleOp module, StringRef folder, const ProofLimits &limits,
         function_ref<void(StringRef)> tell)
      : module(module), folder(folder), limits(limits), tell(tell),
        weights(getWeightMemory(limits) / 3) {}

  RaiseVerdict prove();

private:
  llvm::Error describe();
  /// Fills in which ids are null and which must be selected.
  void describeIds(int64_t numColumns);
  llvm::Error compileSides();
  llvm::Error runAll();
  /// Runs and compares; false: the original does not take this input, or memory
  /// is too small for so many tokens.
  llvm::Expected<bool> runOne(InputFamily family, int64_t numTokens,
                              int64_t round);

  double getSeconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

  double getProcessorSeconds() const {
    return double(std::clock() - processorStart) / CLOCKS_PER_SEC;
  }

  ModuleOp module;
  StringRef folder;
  ProofLimits limits;
  function_ref<void(StringRef)> tell;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
  std::clock_t processorStart = std::clock();

  CandidateOp candidate;
  RowsDescription rows;
  OutputsDescription outputs;
  std::optional<int64_t> staticTokens;
  RandomWeights weights;
  std::unique_ptr<Side> original, raised;
  std::optional<Coverage> coverage;
  std::set<int64_t> provenCounts;
  int64_t numInputs = 0;
  /// Tokens that memory is too small for.
  int64_t tooMany = std::numeric_limits<int64_t>::max();
  /// Why the last input that was not compared was not.
  std::string refusal;
};
} // namespace

//===----------------------------------------------------------------------===//
// What a candidate is
//===----------------------------------------------------------------------===//

/// Arguments of `block` that `values` depend on.
static llvm::SmallDenseSet<Value> findSources(Block &block,
                                              ArrayRef<Value> values) {
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitUsesFromAbove = false;
  SetVector<Operation *> slice;
  llvm::SmallDenseSet<Value> sources(values.begin(), values.end());
  for (Value value : values)
    if (value.getDefiningOp())
      (void)getBackwardSlice(value, &slice, options);
  for (Operation *op : slice)
    sources.insert(op->operand_begin(), op->operand_end());
  return sources;
}

/// Columns that a constant mask or bias closes to all but huge scores.
static void findClosed(Value vector, llvm::SmallBitVector &isClosed) {
  DenseElementsAttr values;
  if (!vector || !matchPattern(vector, m_Constant(&values)))
    return;
  for (auto [i, value] : llvm::enumerate(values.getValues<APFloat>()))
    if (i < isClosed.size() && value.isNegative() && !value.isNaN() &&
        value.convertToDouble() <= -1e3)
      isClosed.set(i);
}

void Prover::describeIds(int64_t numColumns) {
  outputs.isNull.resize(numColumns);
  llvm::SmallBitVector isClosed(numColumns);
  candidate.getRaised().walk([&](RouteOp route) {
    findClosed(route.getMask(), isClosed);
    findClosed(route.getBias(), isClosed);
    llvm::SmallBitVector reachable = findReachableColumns(route);
    if (reachable.size() == isClosed.size())
      isClosed |= reachable.flip();
  });
  candidate.getRaised().walk([&](ExpertsOp experts) {
    SmallVector<RenumberOp> tables;
    Value ids = experts.getIds();
    while (auto renumber = ids.getDefiningOp<RenumberOp>()) {
      tables.push_back(renumber);
      ids = renumber.getIds();
    }
    outputs.isNull.resize(tables.empty()
                              ? experts.getExperts().getNumIds()
                              : int64_t(tables.back().getTable().size()));
    for (unsigned column = 0; column < outputs.isNull.size(); ++column) {
      int64_t id = column;
      for (RenumberOp renumber : llvm::reverse(tables))
        id = id < 0 || id >= int64_t(renumber.getTable().size())
                 ? -1
                 : renumber.getTable()[id];
      bool isNull =
          id < 0 || experts.getExperts().lookup(id).first == ExpertKind::Zero;
      outputs.isNull[column] = isNull;
    }
  });
  outputs.mustSelect = outputs.isNull;
  outputs.mustSelect.flip();
  isClosed.resize(outputs.mustSelect.size());
  outputs.mustSelect.reset(isClosed);
}

llvm::Error Prover::describe() {
  module.walk([&](CandidateOp op) { candidate = op; });
  if (!candidate)
    return llvm::createStringError("there is no candidate");

  // Outputs: results, then evidence.
  outputs.numResults = candidate->getNumResults();
  Operation *yield = candidate.getRaisedBlock().getTerminator();
  OperandRange evidence = yield->getOperands().drop_front(outputs.numResults);
  auto isMatrix = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getRank() == 2 && !type.isDynamicDim(1);
  };
  if (evidence.empty() || evidence.size() % 2)
    return llvm::createStringError("it yields no routing to compare");
  SmallVector<Value> ids;
  for (size_t i = 0; i < evidence.size(); i += 2) {
    if (!isMatrix(evidence[i]) || !isMatrix(evidence[i + 1]) ||
        !getElementTypeOrSelf(evidence[i]).isIntOrIndex() ||
        !isa<FloatType>(getElementTypeOrSelf(evidence[i + 1])))
      return llvm::createStringError(
          "the routing that it yields is not ids and weights per token");
    ids.push_back(evidence[i]);
    rows.numSlots = cast<RankedTensorType>(evidence[i].getType()).getDimSize(1);
  }
  outputs.numRoutings = ids.size();

  // Inputs.
  int64_t numColumns = 0;
  llvm::SmallDenseSet<Value> sources =
      findSources(candidate.getRaisedBlock(), ids);
  for (int64_t i = 0, e = candidate.getRows(); i < e; ++i) {
    auto type = cast<RankedTensorType>(candidate.getInputs()[i].getType());
    if (!isa<FloatType>(type.getElementType()))
      return llvm::createStringError(
          "row operand %d has integers: their range in use is not known", i);
    if (!ShapedType::isStaticShape(type.getShape().drop_front()))
      return llvm::createStringError(
          "row operand %d has dynamic dims other than its tokens", i);
    if (!type.isDynamicDim(0))
      staticTokens = type.getDimSize(0);
    rows.types.push_back(type);
    rows.isScores.push_back(
        sources.contains(candidate.getRaisedBlock().getArgument(i)));
    if (rows.isScores.back())
      numColumns = std::max(numColumns, type.getShape().back());
  }
  for (auto weight : module.getOps<rt::WeightOp>()) {
    Type type = getElementTypeOrSelf(weight.getType());
    if (!isa<FloatType>(type) && type.getIntOrFloatBitWidth() > 8)
      return llvm::createStringError(
          "a weight has integers: their range in use is not known");
  }
  describeIds(numColumns);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

llvm::Error Prover::compileSides() {
  if (llvm::Error error = weights.map(module))
    return llvm::createStringError("its proof " +
                                   llvm::toString(std::move(error)));
  unsigned optLevel = chooseOptLevel(weights.getSize());
  // The rest is for weights and for the compiler.
  uint64_t memory = (uint64_t(limits.memoryMiB) << 20) / 4 * 3;
  for (auto [side, region, name] :
       {std::tuple(&original, &candidate.getOriginal(), "original"),
        std::tuple(&raised, &candidate.getRaised(), "raised")}) {
    tell(("compiling the " + Twine(name) + " side").str());
    llvm::Expected<std::unique_ptr<Side>> compiled =
        Side::compile(module, *region, weights, folder, name, optLevel, memory);
    if (!compiled)
      return compiled.takeError();
    *side = std::move(*compiled);
  }
  return llvm::Error::success();
}

llvm::Expected<bool> Prover::runOne(InputFamily family, int64_t numTokens,
                                    int64_t round) {
  std::string where =
      llvm::formatv("{0}, T = {1}", getName(family), numTokens).str();
  std::vector<Array> inputs = makeRows(rows, family, numTokens, round);
  tell("running the original side on " + where);
  Side::Outcome first = original->run(inputs);
  if (first.status == MOE_OUT_OF_MEMORY)
    tooMany = std::min(tooMany, numTokens);
  if (first.status == MOE_PRECONDITION_FAILED ||
      first.status == MOE_OUT_OF_MEMORY) {
    refusal = "the original side on " + where + ": " + first.message;
    return false;
  }
  if (first.status != MOE_OK)
    return llvm::createStringError("the original side fails on " + where +
                                   ": " + first.message);
  tell("running the raised side on " + where);
  Side::Outcome second = raised->run(inputs);
  if (second.status == MOE_OUT_OF_MEMORY) {
    tooMany = std::min(tooMany, numTokens);
    refusal = "the raised side on " + where + ": " + second.message;
    return false;
  }
  if (second.status != MOE_OK)
    return llvm::createStringError(
        "the raised side fails on " + where +
        ", where the original does not: " + second.message);
  RowMask mask = RowMask::get(inputs, rows.isScores);
  if (std::optional<std::string> difference =
          findDifference(outputs, mask, first.outputs, second.outputs))
    return llvm::createStringError(*difference + " (" + where + ")");
  coverage->add(mask, first.outputs);
  ++numInputs;
  return true;
}

llvm::Error Prover::runAll() {
  coverage.emplace(outputs);
  SmallVector<int64_t> counts(ArrayRef<int64_t>{tokenCounts});
  if (staticTokens)
    counts = {*staticTokens};
  double perToken = 0, processorPerToken = 0;
  auto numFamilies = double(getInputFamilies().size());
  for (size_t i = 0; i < counts.size(); ++i) {
    int64_t count = counts[i];
    for (InputFamily family : getInputFamilies()) {
      // All families on fewer tokens rather than few of them on many.
      if (!staticTokens && i == 0 && family == InputFamily::Normal &&
          (getSeconds() + perToken * double(count) * numFamilies >
               limits.seconds * inputsShare ||
           getProcessorSeconds() +
                   processorPerToken * double(count) * numFamilies >
               limits.seconds * processorShare)) {
        counts.insert(std::prev(counts.end()), count);
        break;
      }
      // In turn until every expert had a token, if that ever comes.
      int64_t inARound = std::max<int64_t>(1, count * rows.numSlots);
      int64_t rounds =
          family == InputFamily::EachInTurn && count && !coverage->hasAllIds()
              ? int64_t(outputs.mustSelect.size()) * 2 / inARound + 1
              : 1;
      // Experts without a token would leave the proof without a result.
      auto isLate = [&](double tokens) {
        double wall = rounds > 1 ? coverageShare : inputsShare;
        return getSeconds() + perToken * tokens > limits.seconds * wall ||
               (rounds == 1 &&
                getProcessorSeconds() + processorPerToken * tokens >
                    limits.seconds * processorShare);
      };
      for (int64_t round = 0; round < rounds && count < tooMany; ++round) {
        if (isLate(double(count)) && numInputs)
          break;
        double before = getSeconds();
        double processorBefore = getProcessorSeconds();
        llvm::Expected<bool> ran = runOne(family, count, round);
        if (!ran)
          return ran.takeError();
        if (*ran)
          provenCounts.insert(count);
        if (!count)
          continue;
        perToken = (getSeconds() - before) / double(count);
        processorPerToken =
            (getProcessorSeconds() - processorBefore) / double(count);
      }
    }
  }
  if (!numInputs)
    return llvm::createStringError("no input could be run; the last was " +
                                   refusal);
  if (!staticTokens && *provenCounts.rbegin() < 2)
    return llvm::createStringError(
        "the inputs show too little: no two tokens fit into memory; " +
        refusal);
  if (std::optional<std::string> gap = coverage->findGap())
    return llvm::createStringError("the inputs show too little: " + *gap);
  return llvm::Error::success();
}

RaiseVerdict Prover::prove() {
  auto fail = [](llvm::Error error) {
    return RaiseVerdict{false, llvm::toString(std::move(error))};
  };
  if (llvm::Error error = describe())
    return fail(std::move(error));
  if (llvm::Error error = compileSides())
    return fail(std::move(error));
  if (llvm::Error error = runAll())
    return fail(std::move(error));
  std::string counts;
  llvm::raw_string_ostream stream(counts);
  llvm::interleaveComma(provenCounts, stream);
  return {true,
          llvm::formatv("equal on {0} inputs, T in {{{1}}", numInputs, counts)
              .str()};
}

RaiseVerdict moe::proveCandidate(ModuleOp module, StringRef folder,
                                 const ProofLimits &limits,
                                 function_ref<void(StringRef)> tell) {
  return Prover(module, folder, limits, tell).prove();
}
