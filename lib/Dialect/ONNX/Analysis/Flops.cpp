//===- Flops.cpp - How many products an op takes --------------------------===//
#include "moe/Dialect/ONNX/Analysis/Flops.h"

#include "moe/Dialect/ONNX/IR/Einsum.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe::onnx;

using Extents = SmallVector<Extent>;

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// Dims [first, rank) of `value`.
static void append(Extents &extents, Value value, int64_t first = 0) {
  for (int64_t dim = first, rank = rankOf(value); dim < rank; ++dim)
    extents.push_back({value, dim});
}

/// A product with sums over one dim of an operand.
static Extents ofMatmul(Operation *op, Value operand, int64_t summedDim) {
  Extents extents;
  append(extents, op->getResult(0));
  extents.push_back({operand, summedDim});
  return extents;
}

static int64_t summedDim(MSFusedMatMulOp op) {
  int64_t rank = rankOf(op.getA());
  if (rank < 2 || !op.getTransA())
    return rank - 1;
  return op.getTransBatchA() ? 0 : rank - 2;
}

/// Each element of `positions` takes a product with each element of a filter.
static Extents ofConvolution(Value positions, Value filters) {
  Extents extents;
  append(extents, positions);
  append(extents, filters, /*first=*/1);
  return extents;
}

/// One product per value of all letters; more operands are multiplied pairwise,
/// which is not counted.
static std::optional<Extents> ofEinsum(EinsumOp op) {
  auto ranks = llvm::map_to_vector(op.getInputs(), rankOf);
  auto equation =
      parseEinsum(op.getEquation(), ranks, [&] { return op.emitOpError(); });
  if (failed(equation) || op.getInputs().size() != 2)
    return std::nullopt;
  Extents extents;
  append(extents, op.getOutput());
  llvm::SmallSet<int64_t, 8> seen;
  seen.insert_range(equation->result);
  for (auto [value, labels] : llvm::zip(op.getInputs(), equation->operands))
    for (auto [dim, label] : llvm::enumerate(labels))
      if (seen.insert(label).second)
        extents.push_back({value, static_cast<int64_t>(dim)});
  return extents;
}

std::optional<Extents> moe::onnx::getProductExtents(Operation *op) {
  using Result = std::optional<Extents>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<MatMulOp, MatMulIntegerOp>([&](auto matmul) {
        return ofMatmul(op, matmul.getA(), rankOf(matmul.getA()) - 1);
      })
      .Case([&](QLinearMatMulOp matmul) {
        return ofMatmul(op, matmul.getA(), rankOf(matmul.getA()) - 1);
      })
      .Case([&](GemmOp gemm) {
        return ofMatmul(op, gemm.getA(), gemm.getTransA() ? 0 : 1);
      })
      .Case([&](MSFusedMatMulOp matmul) {
        return ofMatmul(op, matmul.getA(), summedDim(matmul));
      })
      .Case(
          [&](ConvOp conv) { return ofConvolution(conv.getY(), conv.getW()); })
      .Case([&](ConvTransposeOp conv) {
        return ofConvolution(conv.getX(), conv.getW());
      })
      .Case<ConvIntegerOp, QLinearConvOp>(
          [&](auto conv) { return ofConvolution(conv.getY(), conv.getW()); })
      .Case([&](EinsumOp einsum) { return ofEinsum(einsum); })
      .Default([](Operation *) { return std::nullopt; });
}

int64_t moe::onnx::countFlopsPerRow(Block &body) {
  int64_t flops = 0;
  for (Operation &op : body) {
    std::optional<Extents> extents = getProductExtents(&op);
    if (!extents)
      continue;
    int64_t products = 1;
    for (Extent extent : *extents) {
      auto type = cast<RankedTensorType>(extent.value.getType());
      if (!type.isDynamicDim(extent.dim))
        products *= type.getDimSize(extent.dim);
    }
    flops += 2 * products;
  }
  return flops;
}
