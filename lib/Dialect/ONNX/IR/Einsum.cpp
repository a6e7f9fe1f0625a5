//===- Einsum.cpp - The notation of onnx.Einsum ---------------------------===//
#include "moe/Dialect/ONNX/IR/Einsum.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace moe::onnx;

/// Labels of one term. `ellipsisRank` is the number of dims that `...` stands
/// for.
static FailureOr<SmallVector<int64_t>>
parseTerm(StringRef term, int64_t ellipsisRank,
          function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<int64_t> labels;
  bool sawEllipsis = false;
  while (!term.empty()) {
    if (term.consume_front("...")) {
      if (sawEllipsis) {
        emitError() << "expected at most one ellipsis per term";
        return failure();
      }
      sawEllipsis = true;
      for (int64_t i = ellipsisRank; i > 0; --i)
        labels.push_back(-i);
      continue;
    }
    if (!llvm::isAlpha(term.front())) {
      emitError() << "expected letters and '...' in the equation, but got '"
                  << term.take_front() << "'";
      return failure();
    }
    labels.push_back(term.front());
    term = term.drop_front();
  }
  return labels;
}

FailureOr<EinsumEquation>
moe::onnx::parseEinsum(StringRef equation, ArrayRef<int64_t> ranks,
                       function_ref<InFlightDiagnostic()> emitError) {
  std::string compact;
  for (char c : equation)
    if (!llvm::isSpace(c))
      compact.push_back(c);
  StringRef text = compact;
  bool isExplicit = text.contains("->");
  auto [inputs, output] = text.split("->");
  SmallVector<StringRef> terms;
  inputs.split(terms, ',');
  if (terms.size() != ranks.size()) {
    emitError() << "expected one term per operand, but got " << terms.size()
                << " terms and " << ranks.size() << " operands";
    return failure();
  }

  EinsumEquation parsed;
  int64_t ellipsisRank = 0;
  // Ordered, because an implicit result is in alphabetical order.
  std::map<int64_t, int64_t> occurrences;
  for (auto [term, rank] : llvm::zip_equal(terms, ranks)) {
    bool hasEllipsis = term.contains("...");
    int64_t letters =
        llvm::count_if(term, [](char c) { return llvm::isAlpha(c); });
    if (hasEllipsis ? letters > rank : letters != rank) {
      emitError() << "expected a term of " << rank
                  << " letters for an operand of that rank, but got '" << term
                  << "'";
      return failure();
    }
    auto labels = parseTerm(term, hasEllipsis ? rank - letters : 0, emitError);
    if (failed(labels))
      return failure();
    for (int64_t label : *labels)
      if (label > 0)
        ++occurrences[label];
    ellipsisRank = std::max(ellipsisRank, hasEllipsis ? rank - letters : 0);
    parsed.operands.push_back(std::move(*labels));
  }

  if (!isExplicit) {
    for (int64_t i = ellipsisRank; i > 0; --i)
      parsed.result.push_back(-i);
    for (auto [label, count] : occurrences)
      if (count == 1)
        parsed.result.push_back(label);
    return parsed;
  }
  auto labels = parseTerm(output, ellipsisRank, emitError);
  if (failed(labels))
    return failure();
  for (auto [i, label] : llvm::enumerate(*labels)) {
    if (label > 0 && !occurrences.count(label)) {
      emitError() << "expected the result's letters among the operands', but "
                     "got '"
                  << static_cast<char>(label) << "'";
      return failure();
    }
    if (llvm::is_contained(ArrayRef(*labels).take_front(i), label)) {
      emitError() << "expected each letter once in the result, but got '"
                  << static_cast<char>(label) << "' twice";
      return failure();
    }
  }
  parsed.result = std::move(*labels);
  return parsed;
}
