//===- KernelBuilder.cpp - Vectors and panels -----------------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

Value KernelBuilder::loadVector(Value memref, ValueRange at, int64_t lanes) {
  auto type = VectorType::get({lanes}, elementOf(memref));
  return vector::LoadOp::create(*this, type, memref, at);
}

void KernelBuilder::storeVector(Value vector, Value memref, ValueRange at) {
  vector::StoreOp::create(*this, vector, memref, at);
}

Value KernelBuilder::loadVector(Value memref, ValueRange at, int64_t lanes,
                                Value mask) {
  Type element = elementOf(memref);
  auto type = VectorType::get({lanes}, element);
  Value zeros = arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, getZeroAttr(element)));
  return vector::MaskedLoadOp::create(*this, type, memref, at, mask, zeros);
}

void KernelBuilder::storeVector(Value vector, Value memref, ValueRange at,
                                Value mask) {
  vector::MaskedStoreOp::create(*this, memref, at, mask, vector);
}

Value KernelBuilder::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(
      *this, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value KernelBuilder::widenVector(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  Type wide = onnx::accumulatorType(type.getElementType());
  if (wide == type.getElementType())
    return vector;
  return arith::ExtFOp::create(*this, type.clone(wide), vector);
}

Value KernelBuilder::ceilDiv(Value lhs, Value rhs) {
  return div(add(lhs, sub(rhs, index(1))), rhs);
}

Value KernelBuilder::div(Value lhs, Value rhs) {
  return createOrFold<arith::DivUIOp>(lhs, rhs);
}

Value KernelBuilder::rem(Value lhs, Value rhs) {
  return createOrFold<arith::RemUIOp>(lhs, rhs);
}

Value KernelBuilder::min(Value lhs, Value rhs) {
  return createOrFold<arith::MinUIOp>(lhs, rhs);
}

Value KernelBuilder::max(Value lhs, Value rhs) {
  return createOrFold<arith::MaxUIOp>(lhs, rhs);
}

Value KernelBuilder::select(Value condition, Value lhs, Value rhs) {
  return createOrFold<arith::SelectOp>(condition, lhs, rhs);
}

Value KernelBuilder::flatten(Value memref) {
  int64_t rank = cast<MemRefType>(memref.getType()).getRank();
  if (rank == 1)
    return memref;
  ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  Value flat = memref::CollapseShapeOp::create(
      *this, memref, ArrayRef<ReassociationIndices>(all));
  // Kernels take them all by one type.
  return memref::CastOp::create(
      *this, MemRefType::get({ShapedType::kDynamic}, elementOf(memref)), flat);
}
