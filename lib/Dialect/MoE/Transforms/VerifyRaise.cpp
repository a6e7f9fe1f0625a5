//===- VerifyRaise.cpp - Keeps raised layers that are proven --------------===//
//
// Resolves every moe.candidate: one of its regions takes its place. Afterwards
// weights that only the other one read are gone.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "moe/Dialect/MoE/Transforms/RaiseEvaluator.h"
#include "moe/Dialect/RT/IR/Weights.h"
#include "llvm/ADT/StringMap.h"

namespace moe {
#define GEN_PASS_DEF_VERIFYRAISEPASS
#define GEN_PASS_DEF_ACCEPTRAISEPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

static SmallVector<CandidateOp> getCandidates(ModuleOp module) {
  SmallVector<CandidateOp> candidates;
  module.walk([&](CandidateOp op) { candidates.push_back(op); });
  return candidates;
}

/// Puts the ops of `block`, a region of `candidate`, in the candidate's place:
///
///   %y = moe.candidate(%x) ... raised {        %r = onnx.Relu %x
///   ^bb0(%a):                             ->   (uses of %y: %r)
///     %r = onnx.Relu %a
///     moe.yield %r, %evidence... }
static void inlineRegion(CandidateOp candidate, Block &block) {
  IRRewriter rewriter(candidate);
  Operation *yield = block.getTerminator();
  ValueRange results =
      yield->getOperands().take_front(candidate->getNumResults());
  rewriter.inlineBlockBefore(&block, candidate, candidate.getInputs());
  rewriter.replaceOp(candidate, results);
  rewriter.eraseOp(yield);
}

/// Replaces every candidate by its raised region where `isKept` says so, else
/// by its original one.
static void resolve(ModuleOp module, ArrayRef<CandidateOp> candidates,
                    function_ref<bool(unsigned)> isKept) {
  for (auto [i, op] : llvm::enumerate(candidates)) {
    CandidateOp candidate = op;
    inlineRegion(candidate, isKept(i) ? candidate.getRaisedBlock()
                                      : candidate.getOriginalBlock());
  }
  rt::eraseUnusedWeights(module);
}

namespace {
struct VerifyRaisePass final : moe::impl::VerifyRaisePassBase<VerifyRaisePass> {
  using VerifyRaisePassBase::VerifyRaisePassBase;

  void runOnOperation() override;

private:
  FailureOr<SmallVector<RaiseVerdict>> judge(ArrayRef<CandidateOp> candidates);
};

struct AcceptRaisePass final : moe::impl::AcceptRaisePassBase<AcceptRaisePass> {
  void runOnOperation() override {
    resolve(getOperation(), getCandidates(getOperation()),
            [](unsigned) { return true; });
  }
};
} // namespace

/// A verdict per candidate; those with one text are evaluated once.
FailureOr<SmallVector<RaiseVerdict>>
VerifyRaisePass::judge(ArrayRef<CandidateOp> candidates) {
  Dialect *dialect = getContext().getLoadedDialect<MoEDialect>();
  auto *evaluator = dialect->getRegisteredInterface<RaiseEvaluator>();
  if (!evaluator)
    return getOperation().emitError(
        "moe-verify-raise needs a RaiseEvaluator, and this tool registers "
        "none: register one, or use moe-accept-raise");

  SmallVector<RaiseVerdict> verdicts(candidates.size());
  SmallVector<std::string> texts;
  SmallVector<std::optional<unsigned>> textOf(candidates.size());
  llvm::StringMap<unsigned> indices;
  for (auto [i, candidate] : llvm::enumerate(candidates)) {
    llvm::Expected<std::string> text = isolateCandidate(candidate);
    if (!text) {
      verdicts[i].reason = llvm::toString(text.takeError());
      continue;
    }
    auto [it, isNew] = indices.try_emplace(*text, texts.size());
    if (isNew)
      texts.push_back(std::move(*text));
    textOf[i] = it->second;
  }
  ProofLimits limits{seconds, memoryMiB};
  SmallVector<RaiseVerdict> evaluated = evaluator->evaluate(texts, limits);
  for (auto [verdict, text] : llvm::zip_equal(verdicts, textOf))
    if (text)
      verdict = evaluated[*text];
  return verdicts;
}

void VerifyRaisePass::runOnOperation() {
  SmallVector<CandidateOp> candidates = getCandidates(getOperation());
  if (candidates.empty())
    return markAllAnalysesPreserved();
  FailureOr<SmallVector<RaiseVerdict>> verdicts = judge(candidates);
  if (failed(verdicts))
    return signalPassFailure();
  auto options = remark::RemarkOpts::name("Proof").category(getArgument());
  for (auto [candidate, verdict] : llvm::zip_equal(candidates, *verdicts)) {
    Location loc = CandidateOp(candidate).getLoc();
    if (verdict.proven)
      remark::passed(loc, options)
          << ("the raised layer is proven: " + verdict.reason);
    else
      remark::missed(loc, options)
          << ("the raise is undone: " + verdict.reason);
  }
  resolve(getOperation(), candidates,
          [&](unsigned i) { return (*verdicts)[i].proven; });
}
