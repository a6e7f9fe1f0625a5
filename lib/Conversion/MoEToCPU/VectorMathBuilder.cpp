//===- VectorMathBuilder.cpp - Polynomials on vectors ---------------------===//
#include "VectorMathBuilder.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

Value VectorMathBuilder::polynomial(Value x, ArrayRef<double> coefficients) {
  Type element = getElementTypeOrSelf(x.getType());
  Value sum = number(element, coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, x, number(element, coefficient));
  return sum;
}

/// Beyond 1.5 * 2^52 the last bit of an f64 is worth 1: adding that rounds, and
/// needs no conversion, which NaN would be undefined in.
std::pair<Value, Value> VectorMathBuilder::round(Value x) {
  bool isDouble = getElementTypeOrSelf(x.getType()).isF64();
  Value shift = isDouble ? f64(0x1.8p52) : f32(0x1.8p23);
  Value shifted = add(x, shift);
  return {sub(shifted, shift),
          bits(shifted, isDouble ? getI64Type() : getI32Type())};
}

/// exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln 2 / 2
Value VectorMathBuilder::exp(Value x) {
  // Infinite beyond 90; NaN stays. Below -104 it is 0: those take another way,
  // since CPUs are slow where a result is too small for a float, and softmaxes
  // have many masked elements.
  Value isZero = compare(arith::CmpFPredicate::OLT, x, f32(-104));
  Value high = arith::MinimumFOp::create(*this, x, f32(90));
  Value clamped = select(isZero, f32(0), high);
  auto [n, nBits] = round(mul(clamped, f32(1.44269504088896341)));
  // n * ln 2 in two parts, the first of few bits: exact.
  Value r = fma(n, f32(-0.693359375), clamped);
  r = fma(n, f32(2.12194440e-4), r);
  Value tail =
      polynomial(r, {5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2,
                     8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4});
  Value y = add(fma(mul(r, r), tail, r), f32(1));
  // 2^n in two factors: a denormal result is rounded once, at the end.
  Value exponent =
      arith::SubIOp::create(*this, nBits, i32(0x4b400000)); // of the shift
  Value half = arith::ShRSIOp::create(*this, exponent, i32(1));
  Value rest = arith::SubIOp::create(*this, exponent, half);
  auto power = [&](Value e) {
    Value biased = arith::AddIOp::create(*this, e, i32(127));
    return bits(arith::ShLIOp::create(*this, biased, i32(23)), getF32Type());
  };
  return select(isZero, f32(0), mul(mul(y, power(half)), power(rest)));
}

/// For |x| <= 700.
Value VectorMathBuilder::exp64(Value x) {
  auto [n, nBits] = round(mul(x, f64(1.4426950408889634)));
  Value r = fma(n, f64(-0.69314718055994529), x);
  Value y = polynomial(r, {1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120,
                           1.0 / 720, 1.0 / 5040, 1.0 / 40320});
  Value biased = arith::AddIOp::create(*this, nBits, i64(1023));
  return mul(y,
             bits(arith::ShLIOp::create(*this, biased, i64(52)), getF64Type()));
}

/// log(x) = e * ln 2 + 2 * artanh((m - 1) / (m + 1)), x = 2^e * m,
/// m in [sqrt(1/2), sqrt(2))
Value VectorMathBuilder::log(Value x) {
  Value wide = widen(x);
  Value xBits = bits(wide, getI64Type());
  Value shifted = arith::SubIOp::create(*this, xBits,
                                        i64(0x3fe6a09e667f3bcd)); // sqrt(1/2)
  Value e = arith::ShRSIOp::create(*this, shifted, i64(52));
  Value mBits = arith::SubIOp::create(*this, xBits,
                                      arith::ShLIOp::create(*this, e, i64(52)));
  Value m = bits(mBits, getF64Type());
  // e as a float, by the bits of a large number.
  Value large = arith::AddIOp::create(*this, e, i64(0x4338000000000000));
  Value exponent = sub(bits(large, getF64Type()), f64(0x1.8p52));
  Value s = div(sub(m, f64(1)), add(m, f64(1)));
  Value series = polynomial(
      mul(s, s), {2, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13});
  Value result =
      narrow(fma(exponent, f64(0.69314718055994531), mul(s, series)));
  double infinity = std::numeric_limits<double>::infinity();
  using P = arith::CmpFPredicate;
  result = select(compare(P::OEQ, x, f32(0)), f32(-infinity), result);
  // Below 0: NaN. NaN and infinity stay.
  Value isProper = compare(P::OGE, x, f32(0));
  Value none = f32(std::numeric_limits<double>::quiet_NaN());
  result = select(isProper, result, none);
  Value stays = compare(P::UEQ, x, f32(infinity));
  return select(stays, x, result);
}

/// tanh(x) = sign(x) * (t - 1) / (t + 1), t = exp(2 |x|); a series around 0.
Value VectorMathBuilder::tanh(Value x) {
  Value wide = widen(x);
  Value size = math::AbsFOp::create(*this, wide);
  // Beyond 10 it is 1; NaN stays.
  Value clamped = arith::MinimumFOp::create(*this, size, f64(10));
  Value t = exp64(add(clamped, clamped));
  Value large = div(sub(t, f64(1)), add(t, f64(1)));
  Value series =
      polynomial(mul(wide, wide), {1, -1.0 / 3, 2.0 / 15, -17.0 / 315});
  Value small = mul(size, series);
  Value isSmall = compare(arith::CmpFPredicate::OLT, size, f64(0.03125));
  Value result = narrow(select(isSmall, small, large));
  return math::CopySignOp::create(*this, result, x);
}

/// erf(x) = x * p(x^2) below 1, q(|x|) up to 4, then 1.
Value VectorMathBuilder::erf(Value x) {
  Value wide = widen(x);
  Value size = math::AbsFOp::create(*this, wide);
  Value clamped = arith::MinimumFOp::create(*this, size, f64(4));
  Value inner = polynomial(
      mul(clamped, clamped),
      {1.1283791670946952, -0.3761263888986815, 0.1128379131348251,
       -0.02686613362438264, 0.005223785003222404, -0.0008542670491628716,
       0.0001195694597811326, -1.3911696203194886e-05, 1.0595264029689136e-06});
  // From 1 to 4, in units of 1.5 around 2.5.
  Value u = fma(clamped, f64(1.0 / 1.5), f64(-2.5 / 1.5));
  Value outer = polynomial(
      u, {0.999593047975718, 0.0032674262997318473, -0.012252847422977432,
          0.028181554643111596, -0.043650819346327835, 0.046453578116612514,
          -0.03187596612139024, 0.009267782604981196, 0.006676857213209223,
          -0.009622182124582367, 0.004558520866644691, 0.0004434473935682424,
          -0.0018600137756031596, 0.0009188635506831301, 0.00010030655014762462,
          -0.0002938109444211261, 7.670250604668513e-05, 3.2936281422735204e-05,
          -1.5399685798911383e-05});
  Value isInner = compare(arith::CmpFPredicate::OLT, size, f64(1));
  Value result = narrow(select(isInner, mul(clamped, inner), outer));
  return math::CopySignOp::create(*this, result, x);
}

/// sin(x) = +-sin(r) or +-cos(r), r = x - q * pi / 2, |r| <= pi / 4
Value VectorMathBuilder::sine(Value x, bool isCosine) {
  Value wide = widen(x);
  auto [q, qBits] = round(mul(wide, f64(0.63661977236758134)));
  // pi / 2 in two parts: fused, each product is exact.
  Value r = fma(q, f64(-1.5707963267948966), wide);
  r = fma(q, f64(-6.123233995736766e-17), r);
  Value square = mul(r, r);
  Value sine = mul(r, polynomial(square, {1, -1.0 / 6, 1.0 / 120, -1.0 / 5040,
                                          1.0 / 362880, -1.0 / 39916800}));
  Value cosine =
      polynomial(square, {1, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320,
                          -1.0 / 3628800, 1.0 / 479001600});
  Value quarter = isCosine
                      ? arith::AddIOp::create(*this, qBits, i64(1)).getResult()
                      : qBits;
  auto isSet = [&](int64_t bit) {
    Value masked = arith::AndIOp::create(*this, quarter, i64(bit));
    return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, masked,
                                 i64(0));
  };
  Value result = select(isSet(1), cosine, sine);
  Value negated = arith::NegFOp::create(*this, result);
  return narrow(select(isSet(2), negated, result));
}
