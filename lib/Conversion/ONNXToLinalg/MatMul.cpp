//===- MatMul.cpp - onnx.MatMul, Gemm, Einsum -----------------------------===//
#include "Contraction.h"
#include "moe/Dialect/ONNX/IR/Einsum.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// onnx.MatMul %a, %b : tensor<?x2x3xf32>, tensor<3x4xf32>
///   -> linalg.generic {(b, m, k, n): (b, m, k), (k, n) -> (b, m, n)}
struct LowerMatMul : public LoweringPattern<MatMulOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MatMulOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    return SmallVector<Value>{matMul(b, adaptor.getA(), adaptor.getB())};
  }
};

/// A factor of Gemm as a scalar of `type`; none where it is 1.
Value gemmFactor(ImplicitLocOpBuilder &b, const APFloat &factor, Type type) {
  if (factor.isExactlyValue(1.0))
    return {};
  if (isa<FloatType>(type))
    return floatConstant(b, type, factor.convertToFloat());
  return intConstant(b, type, static_cast<int64_t>(factor.convertToFloat()));
}

/// onnx.Gemm %a, %b, %c {transB = 1}
///   -> linalg.transpose %b; the product; alpha * product + beta * %c
/// A transposed copy of B keeps the innermost loop contiguous.
struct LowerGemm : public LoweringPattern<GemmOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GemmOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value lhs = adaptor.getA(), rhs = adaptor.getB(), bias = adaptor.getC();
    if (op.getTransA())
      lhs = transposed(b, lhs, {1, 0});
    if (op.getTransB())
      rhs = transposed(b, rhs, {1, 0});
    Value product = matMul(b, lhs, rhs);
    bool hasBias = bias && !op.getBeta().isZero();
    if (!hasBias && op.getAlpha().isExactlyValue(1.0))
      return SmallVector<Value>{product};

    Type type = elementType(product);
    Type compute = accumulatorType(type);
    Extents extents = extentsOf(b, product);
    SmallVector<Value> inputs{product};
    if (hasBias) {
      inputs.push_back(bias);
      // C stretches to the product, never the other way round.
      Extents joined = broadcastExtents(b, inputs);
      for (auto [extent, wide] : llvm::zip_equal(extents, joined))
        requireEqual(b, extent, wide, "C must broadcast to the product");
    }
    Value result = elementwise(
        b, inputs, extents, type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value sum = castScalar(inner, args[0], type, compute);
          if (Value alpha = gemmFactor(inner, op.getAlpha(), compute))
            sum = mulScalars(inner, sum, alpha);
          if (hasBias) {
            Value term = castScalar(inner, args[1], type, compute);
            if (Value beta = gemmFactor(inner, op.getBeta(), compute))
              term = mulScalars(inner, term, beta);
            sum = addScalars(inner, sum, term);
          }
          return castScalar(inner, sum, compute, type);
        });
    return SmallVector<Value>{result};
  }
};

/// A tensor and the label of each of its dims.
struct LabelledTensor {
  Value tensor;
  SmallVector<int64_t> labels;
};

using LabelExtents = llvm::MapVector<int64_t, OpFoldResult>;

/// The sum of products of one or two tensors, with the dims `kept`.
LabelledTensor contractLabelled(LoweringBuilder &b,
                                ArrayRef<LabelledTensor> terms,
                                ArrayRef<int64_t> kept,
                                const LabelExtents &extents) {
  // Loops: kept labels but the last, summed labels, the last kept label.
  SmallVector<int64_t> order(kept);
  size_t insertAt = kept.empty() ? 0 : kept.size() - 1;
  for (const LabelledTensor &term : terms)
    for (int64_t label : term.labels)
      if (!llvm::is_contained(order, label))
        order.insert(order.begin() + insertAt++, label);
  SmallVector<utils::IteratorType> iterators;
  for (int64_t label : order)
    iterators.push_back(llvm::is_contained(kept, label)
                            ? utils::IteratorType::parallel
                            : utils::IteratorType::reduction);
  auto loopOf = [&](int64_t label) {
    return b.getAffineDimExpr(llvm::find(order, label) - order.begin());
  };

  SmallVector<AffineMap> maps;
  SmallVector<Value> operands;
  for (const LabelledTensor &term : terms) {
    SmallVector<AffineExpr> exprs;
    SmallVector<std::optional<OpFoldResult>> targets;
    Extents sizes = extentsOf(b, term.tensor);
    for (auto [label, size] : llvm::zip_equal(term.labels, sizes)) {
      OpFoldResult extent = extents.lookup(label);
      bool isConstant = isOneInteger(size) && !isOneInteger(extent);
      exprs.push_back(isConstant ? b.getAffineConstantExpr(0) : loopOf(label));
      targets.push_back(extent);
    }
    maps.push_back(AffineMap::get(order.size(), 0, exprs, b.getContext()));
    operands.push_back(stretch(b, term.tensor, targets));
  }
  Extents resultExtents;
  SmallVector<AffineExpr> exprs;
  for (int64_t label : kept) {
    resultExtents.push_back(extents.lookup(label));
    exprs.push_back(loopOf(label));
  }
  maps.push_back(AffineMap::get(order.size(), 0, exprs, b.getContext()));
  return {contract(b, operands, maps, iterators, resultExtents,
                   elementType(operands.front())),
          SmallVector<int64_t>(kept)};
}

/// onnx.Einsum %a, %b, %c {equation = "ij,jk,kl->il"}
///   -> linalg.generic (ij,jk->ik), then linalg.generic (ik,kl->il)
/// Intermediate products of f16 and bf16 stay in f32.
struct LowerEinsum : public LoweringPattern<EinsumOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(EinsumOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    SmallVector<int64_t> ranks;
    for (Value input : adaptor.getInputs())
      ranks.push_back(cast<RankedTensorType>(input.getType()).getRank());
    auto equation =
        parseEinsum(op.getEquation(), ranks, [&] { return op.emitOpError(); });
    if (failed(equation))
      return failure();

    LabelExtents extents;
    for (auto [input, labels] :
         llvm::zip_equal(adaptor.getInputs(), equation->operands))
      for (auto [label, size] : llvm::zip_equal(labels, extentsOf(b, input))) {
        auto it = extents.insert({label, size}).first;
        it->second =
            broadcastExtents(b, {Extents{it->second}, Extents{size}})[0];
      }

    Type type = elementType(adaptor.getInputs().front());
    SmallVector<LabelledTensor> terms;
    bool isChain = adaptor.getInputs().size() > 2;
    for (auto [input, labels] :
         llvm::zip_equal(adaptor.getInputs(), equation->operands))
      terms.push_back(
          {isChain ? convertElements(b, input, accumulatorType(type)) : input,
           labels});
    LabelledTensor result = terms.front();
    for (size_t i = 1; i + 1 < terms.size(); ++i) {
      // Keep what a later term or the result mentions.
      SmallVector<int64_t> kept;
      for (int64_t label :
           llvm::concat<int64_t>(result.labels, terms[i].labels)) {
        bool isNeeded = llvm::is_contained(equation->result, label);
        for (const LabelledTensor &later : ArrayRef(terms).drop_front(i + 1))
          isNeeded |= llvm::is_contained(later.labels, label);
        if (isNeeded && !llvm::is_contained(kept, label))
          kept.push_back(label);
      }
      result = contractLabelled(b, {result, terms[i]}, kept, extents);
    }
    SmallVector<LabelledTensor> last{result};
    if (terms.size() > 1)
      last.push_back(terms.back());
    result = contractLabelled(b, last, equation->result, extents);
    return SmallVector<Value>{convertElements(b, result.tensor, type)};
  }
};
} // namespace

void moe::onnx::populateMatMulPatterns(const LoweringTypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<LowerMatMul, LowerGemm, LowerEinsum>(converter,
                                                    patterns.getContext());
}
