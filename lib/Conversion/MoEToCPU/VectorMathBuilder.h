//===- VectorMathBuilder.h - Polynomials on vectors -------------*- C++ -*-===//
//
// exp is computed in f32. The others are computed in f64, where a polynomial of
// modest degree leaves nothing to an f32 but its own rounding.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOCPU_VECTORMATHBUILDER_H
#define MOE_LIB_CONVERSION_MOETOCPU_VECTORMATHBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moe::cpu {

/// Arithmetic on vectors of one number of lanes.
class VectorMathBuilder : public mlir::ImplicitLocOpBuilder {
public:
  VectorMathBuilder(mlir::Operation *op, mlir::OpBuilder &builder)
      : mlir::ImplicitLocOpBuilder(op->getLoc(), builder),
        type(mlir::cast<mlir::VectorType>(op->getResult(0).getType())) {}

  mlir::Value exp(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  mlir::Value erf(mlir::Value x);
  /// sin, or cos: a quarter turn ahead of it.
  mlir::Value sine(mlir::Value x, bool isCosine);

private:
  mlir::VectorType ofType(mlir::Type element) { return type.clone(element); }
  mlir::Value number(mlir::Type element, double value) {
    return mlir::arith::ConstantOp::create(
        *this, mlir::DenseElementsAttr::get(ofType(element),
                                            getFloatAttr(element, value)));
  }
  mlir::Value f32(double value) { return number(getF32Type(), value); }
  mlir::Value f64(double value) { return number(getF64Type(), value); }
  mlir::Value integer(mlir::Type element, int64_t value) {
    return mlir::arith::ConstantOp::create(
        *this, mlir::DenseElementsAttr::get(ofType(element),
                                            getIntegerAttr(element, value)));
  }
  mlir::Value i32(int64_t value) { return integer(getI32Type(), value); }
  mlir::Value i64(int64_t value) { return integer(getI64Type(), value); }

  mlir::Value add(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::AddFOp::create(*this, lhs, rhs);
  }
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::SubFOp::create(*this, lhs, rhs);
  }
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::MulFOp::create(*this, lhs, rhs);
  }
  mlir::Value div(mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::DivFOp::create(*this, lhs, rhs);
  }
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z) {
    return mlir::math::FmaOp::create(*this, x, y, z);
  }
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value lhs,
                      mlir::Value rhs) {
    return mlir::arith::CmpFOp::create(*this, predicate, lhs, rhs);
  }
  mlir::Value select(mlir::Value condition, mlir::Value lhs, mlir::Value rhs) {
    return mlir::arith::SelectOp::create(*this, condition, lhs, rhs);
  }
  mlir::Value bits(mlir::Value x, mlir::Type element) {
    return mlir::arith::BitcastOp::create(*this, ofType(element), x);
  }
  mlir::Value widen(mlir::Value x) {
    return mlir::arith::ExtFOp::create(*this, ofType(getF64Type()), x);
  }
  mlir::Value narrow(mlir::Value x) {
    return mlir::arith::TruncFOp::create(*this, ofType(getF32Type()), x);
  }
  /// c[0] + c[1] * x + c[2] * x^2 + ...
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// The nearest integer, as a float and in the low bits of an integer.
  std::pair<mlir::Value, mlir::Value> round(mlir::Value x);
  mlir::Value exp64(mlir::Value x);

  mlir::VectorType type;
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_VECTORMATHBUILDER_H
