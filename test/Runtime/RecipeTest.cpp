//===- RecipeTest.cpp - Recipes, byte by byte -----------------------------===//
//
// The reference executes one step after the other, element by element, on
// indices; the runtime composes the steps first.
//
//===----------------------------------------------------------------------===//
#include "TestModel.h"

#include <cmath>
#include <numeric>
#include <random>

using namespace moe::test;

namespace {

/// A tensor of the reference: values stand for bytes of the source.
struct Reference {
  std::vector<int64_t> dims;
  std::vector<uint32_t> values;
};

} // namespace

static int64_t numElements(const std::vector<int64_t> &dims) {
  return std::accumulate(dims.begin(), dims.end(), (int64_t)1,
                         std::multiplies<int64_t>());
}

static Reference transpose(const Reference &from,
                           const std::vector<int64_t> &permutation) {
  Reference result;
  for (int64_t source : permutation)
    result.dims.push_back(from.dims[(size_t)source]);
  result.values.resize(from.values.size());
  for (size_t i = 0; i < result.values.size(); ++i) {
    // Position in the result, then the same in the source.
    std::vector<int64_t> position(result.dims.size());
    int64_t rest = (int64_t)i;
    for (size_t d = result.dims.size(); d-- > 0;) {
      position[d] = rest % result.dims[d];
      rest /= result.dims[d];
    }
    std::vector<int64_t> sourcePosition(result.dims.size());
    for (size_t d = 0; d < result.dims.size(); ++d)
      sourcePosition[(size_t)permutation[d]] = position[d];
    int64_t source = 0;
    for (size_t d = 0; d < from.dims.size(); ++d)
      source = source * from.dims[d] + sourcePosition[d];
    result.values[i] = from.values[(size_t)source];
  }
  return result;
}

static Reference stack(const std::vector<Reference> &parts) {
  Reference result{{(int64_t)parts.size()}, {}};
  result.dims.insert(result.dims.end(), parts[0].dims.begin(),
                     parts[0].dims.end());
  for (const Reference &part : parts)
    result.values.insert(result.values.end(), part.values.begin(),
                         part.values.end());
  return result;
}

/// Columns in panels of `width`, `group` rows of a column together.
static Reference pack(const Reference &from, int64_t width, int64_t group) {
  const size_t rank = from.dims.size();
  const int64_t rows = from.dims[rank - 2], columns = from.dims[rank - 1];
  const int64_t panels = (columns + width - 1) / width,
                groups = (rows + group - 1) / group;
  Reference result{{from.dims.begin(), from.dims.end() - 2}, {}};
  const int64_t leading = numElements(result.dims);
  for (int64_t a = 0; a < leading; ++a)
    for (int64_t p = 0; p < panels; ++p)
      for (int64_t g = 0; g < groups; ++g)
        for (int64_t c = 0; c < width; ++c)
          for (int64_t i = 0; i < group; ++i) {
            const int64_t row = g * group + i, column = p * width + c;
            result.values.push_back(
                row < rows && column < columns
                    ? from.values[(size_t)((a * rows + row) * columns + column)]
                    : 0);
          }
  result.dims.insert(result.dims.end(), {panels, groups, width});
  if (group > 1)
    result.dims.push_back(group);
  return result;
}

namespace {

/// `numSpans` tensors of random bytes.
struct Sources {
  Sources(std::vector<int64_t> sourceDims, int32_t bits, size_t numSpans,
          std::mt19937 &random)
      : dims(std::move(sourceDims)), size((size_t)bits / 8), bytes(numSpans) {
    for (std::vector<char> &data : bytes) {
      data.resize((size_t)numElements(dims) * size);
      Reference reference{dims, {}};
      for (char &byte : data)
        byte = (char)random();
      for (size_t i = 0; i < data.size(); i += size) {
        uint32_t value = 0;
        std::memcpy(&value, &data[i], size);
        reference.values.push_back(value);
      }
      references.push_back(std::move(reference));
      spans.push_back({"f", 0, data.size(), 0, MOE_UINT, bits,
                       (int64_t)dims.size(), dims.data()});
      pointers.push_back(data.data());
    }
  }
  Sources(const Sources &) = delete;

  /// Checks that `steps` give the values of `expected`.
  void check(const std::vector<moe_recipe_step> &steps,
             const Reference &expected) const {
    // Whatever was there before: padding is written too.
    std::vector<char> out(expected.values.size() * size, 0x55);
    char error[256] = "";
    ASSERT_EQ(moe_rt_execute_recipe(spans.data(), pointers.data(),
                                    (int64_t)spans.size(), steps.data(),
                                    (int64_t)steps.size(), out.data(),
                                    out.size(), error, sizeof(error)),
              MOE_OK)
        << error;
    for (size_t i = 0; i < expected.values.size(); ++i) {
      uint32_t value = 0;
      std::memcpy(&value, &out[i * size], size);
      ASSERT_EQ(value, expected.values[i]) << "at " << i;
    }
  }

  std::vector<int64_t> dims;
  size_t size;
  std::vector<std::vector<char>> bytes;
  std::vector<Reference> references;
  std::vector<moe_span_desc> spans;
  std::vector<const void *> pointers;
};

} // namespace

// Random transposes before and after a stack, at ranks 0 to 4, extents that
// are one, odd and larger than the runtime's blocks, element sizes 1 to 4.
TEST(Recipe, transposes_and_stacks_move_bytes) {
  // The same cases each time. NOLINTNEXTLINE(bugprone-random-generator-seed)
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    size_t rank = random() % 5;
    std::vector<int64_t> dims;
    for (size_t d = 0; d < rank; ++d)
      dims.push_back(random() % 8 == 0 ? 70 + random() % 20 : 1 + random() % 5);
    if (numElements(dims) > 200000)
      continue;
    const int32_t bits = 8 << random() % 3;
    const size_t numSpans = 1 + random() % 4;

    Sources sources(dims, bits, numSpans, random);
    std::vector<int64_t> before(rank), after(rank + 1);
    std::iota(before.begin(), before.end(), 0);
    std::iota(after.begin(), after.end(), 0);
    std::shuffle(before.begin(), before.end(), random);
    std::shuffle(after.begin(), after.end(), random);
    const std::vector<moe_recipe_step> steps = {
        {MOE_RECIPE_TRANSPOSE, (int32_t)rank, before.data()},
        {MOE_RECIPE_STACK, 0, nullptr},
        {MOE_RECIPE_TRANSPOSE, (int32_t)rank + 1, after.data()}};
    std::vector<Reference> references = sources.references;
    for (Reference &reference : references)
      reference = transpose(reference, before);
    SCOPED_TRACE(round);
    sources.check(steps, transpose(stack(references), after));
  }
}

static std::vector<int64_t> shuffledDims(size_t rank, std::mt19937 &random) {
  std::vector<int64_t> permutation(rank);
  std::iota(permutation.begin(), permutation.end(), 0);
  std::shuffle(permutation.begin(), permutation.end(), random);
  return permutation;
}

// Every dim of a stack becomes rows or columns of panels, the number of the
// span too; extents that the width or group divides or not, fewer than those,
// and none.
TEST(Recipe, packs_move_bytes_and_pad) {
  // The same cases each time. NOLINTNEXTLINE(bugprone-random-generator-seed)
  std::mt19937 random(11);
  const int64_t extents[] = {0, 1, 2, 7, 15, 16, 17, 33, 48, 64, 130};
  for (int round = 0; round < 600; ++round) {
    const size_t rank = 1 + random() % 3;
    std::vector<int64_t> dims;
    for (size_t d = 0; d < rank; ++d)
      dims.push_back(extents[random() % 40 == 0 ? 0 : 1 + random() % 10]);
    if (numElements(dims) > 20000)
      continue;
    const int32_t bits = 8 << random() % 3;
    const size_t numSpans = 1 + random() % 5;
    const int64_t width = (int64_t[]){1, 2, 8, 16, 16, 16, 5}[random() % 7];
    const int64_t group = (int64_t[]){1, 1, 2, 2, 4, 3}[random() % 6];
    Sources sources(dims, bits, numSpans, random);

    std::vector<int64_t> before = shuffledDims(rank, random);
    std::vector<int64_t> packInts = {width, group};
    std::vector<moe_recipe_step> steps = {
        {MOE_RECIPE_TRANSPOSE, (int32_t)rank, before.data()}};
    std::vector<Reference> references = sources.references;
    for (Reference &reference : references)
      reference = transpose(reference, before);
    Reference expected;
    std::vector<int64_t> between = shuffledDims(rank + 1, random);
    if (rank > 1 && random() % 4 == 0) {
      // Each packed, then all stacked.
      steps.push_back({MOE_RECIPE_PACK, 2, packInts.data()});
      steps.push_back({MOE_RECIPE_STACK, 0, nullptr});
      for (Reference &reference : references)
        reference = pack(reference, width, group);
      expected = stack(references);
    } else {
      steps.push_back({MOE_RECIPE_STACK, 0, nullptr});
      steps.push_back(
          {MOE_RECIPE_TRANSPOSE, (int32_t)rank + 1, between.data()});
      steps.push_back({MOE_RECIPE_PACK, 2, packInts.data()});
      expected = pack(transpose(stack(references), between), width, group);
    }
    std::vector<int64_t> after = shuffledDims(expected.dims.size(), random);
    if (random() % 4 == 0) {
      steps.push_back(
          {MOE_RECIPE_TRANSPOSE, (int32_t)after.size(), after.data()});
      expected = transpose(expected, after);
    }
    SCOPED_TRACE(round);
    sources.check(steps, expected);
  }
}

// Matrices of a model's size: whole blocks of every kind of loop.
TEST(Recipe, packs_large_matrices) {
  // The same cases each time. NOLINTNEXTLINE(bugprone-random-generator-seed)
  std::mt19937 random(13);
  const int64_t dims[][2] = {{256, 512}, {515, 253}, {1024, 16}, {16, 1024}};
  for (const int64_t (&shape)[2] : dims)
    for (int32_t bits : {8, 16, 32})
      for (bool isTransposed : {false, true})
        for (int64_t group : {1, 2}) {
          Sources sources({shape[0], shape[1]}, bits, 2, random);
          std::vector<int64_t> swap = {0, 2, 1}, packInts = {16, group};
          std::vector<moe_recipe_step> steps = {{MOE_RECIPE_STACK, 0, nullptr}};
          Reference expected = stack(sources.references);
          if (isTransposed) {
            steps.push_back({MOE_RECIPE_TRANSPOSE, 3, swap.data()});
            expected = transpose(expected, swap);
          }
          steps.push_back({MOE_RECIPE_PACK, 2, packInts.data()});
          SCOPED_TRACE(testing::Message()
                       << shape[0] << "x" << shape[1] << ", " << bits
                       << " bits, transposed: " << isTransposed
                       << ", group: " << group);
          sources.check(steps, pack(expected, 16, group));
        }
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

namespace {

struct Type {
  int32_t code, bits;
};

} // namespace

static const Type f16Type{MOE_FLOAT, 16}, bf16Type{MOE_BFLOAT, 16},
    f32Type{MOE_FLOAT, 32}, f64Type{MOE_FLOAT, 64}, i8Type{MOE_INT, 8},
    u8Type{MOE_UINT, 8}, i32Type{MOE_INT, 32}, i64Type{MOE_INT, 64},
    u64Type{MOE_UINT, 64}, boolType{MOE_BOOL, 8};

/// Casts a vector through the recipe's cast step, or several.
template <typename To, typename From>
static std::vector<To> cast(Type from, const std::vector<Type> &types,
                            const std::vector<From> &values) {
  const int64_t dims[] = {(int64_t)values.size()};
  const moe_span_desc span = {
      "f", 0, values.size() * sizeof(From), 0, from.code, from.bits, 1, dims};
  std::vector<std::vector<int64_t>> ints;
  for (Type type : types)
    ints.push_back({type.code, type.bits});
  std::vector<moe_recipe_step> steps;
  for (const std::vector<int64_t> &pair : ints)
    steps.push_back({MOE_RECIPE_CAST, 2, pair.data()});
  const void *data = values.data();
  std::vector<To> out(values.size());
  char error[256] = "";
  EXPECT_EQ(moe_rt_execute_recipe(
                &span, &data, 1, steps.data(), (int64_t)steps.size(),
                out.data(), out.size() * sizeof(To), error, sizeof(error)),
            MOE_OK)
      << error;
  return out;
}

static std::vector<uint32_t> makeFloatBits() {
  // The same cases each time. NOLINTNEXTLINE(bugprone-random-generator-seed)
  std::mt19937 random(3);
  std::vector<uint32_t> bits;
  for (int i = 0; i < 300000; ++i)
    bits.push_back((uint32_t)random());
  // Around every f16 value: itself, halves between two, and their neighbours.
  for (uint32_t half = 0; half < 0x10000; ++half) {
    _Float16 value;
    uint16_t narrow = (uint16_t)half;
    std::memcpy(&value, &narrow, 2);
    float wide = (float)value;
    uint32_t center;
    std::memcpy(&center, &wide, 4);
    for (uint32_t delta : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0xffffffffu})
      bits.push_back(center + delta);
  }
  return bits;
}

TEST(Cast, f32_to_f16_is_the_compilers) {
  std::vector<uint32_t> bits = makeFloatBits();
  std::vector<uint16_t> got = cast<uint16_t>(f32Type, {f16Type}, bits);
  for (size_t i = 0; i < bits.size(); ++i) {
    float value;
    std::memcpy(&value, &bits[i], 4);
    _Float16 expected = (_Float16)value;
    uint16_t expectedBits;
    std::memcpy(&expectedBits, &expected, 2);
    ASSERT_EQ(got[i], expectedBits) << std::hex << bits[i];
  }
}

TEST(Cast, f16_to_f32_is_the_compilers) {
  std::vector<uint16_t> all(0x10000);
  std::iota(all.begin(), all.end(), (uint16_t)0);
  std::vector<uint32_t> got = cast<uint32_t>(f16Type, {f32Type}, all);
  for (size_t i = 0; i < all.size(); ++i) {
    _Float16 half;
    std::memcpy(&half, &all[i], 2);
    float expected = (float)half;
    uint32_t expectedBits;
    std::memcpy(&expectedBits, &expected, 4);
    ASSERT_EQ(got[i], expectedBits) << std::hex << i;
  }
}

/// The bf16 nearest to `value` among the two around it; the even one on ties.
static uint16_t nearestBF16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (std::isnan(value))
    return 0x7fc0;
  uint32_t low = bits >> 16, high = low + 1;
  auto widen = [](uint32_t half) {
    // The value after the largest finite one counts as the next power of two.
    if ((half & 0x7fff) == 0x7f80)
      return half & 0x8000 ? -std::ldexp(1.0, 128) : std::ldexp(1.0, 128);
    uint32_t wide = half << 16;
    float result;
    std::memcpy(&result, &wide, 4);
    return (double)result;
  };
  if (std::isinf(value))
    return (uint16_t)low;
  double down = std::fabs(value - widen(low)),
         up = std::fabs(widen(high) - value);
  if (down != up)
    return (uint16_t)(down < up ? low : high);
  return (uint16_t)(low % 2 == 0 ? low : high);
}

TEST(Cast, f32_to_bf16_is_nearest_even) {
  std::vector<uint32_t> bits = makeFloatBits();
  std::vector<uint16_t> got = cast<uint16_t>(f32Type, {bf16Type}, bits);
  for (size_t i = 0; i < bits.size(); ++i) {
    float value;
    std::memcpy(&value, &bits[i], 4);
    ASSERT_EQ(got[i], nearestBF16(value)) << std::hex << bits[i];
  }
  // The way through double, which other types take, agrees.
  std::vector<uint16_t> slow =
      cast<uint16_t>(f32Type, {f64Type, bf16Type}, bits);
  EXPECT_EQ(slow, got);
}

TEST(Cast, bf16_to_f32_is_exact) {
  std::vector<uint16_t> all(0x10000);
  std::iota(all.begin(), all.end(), (uint16_t)0);
  std::vector<uint32_t> got = cast<uint32_t>(bf16Type, {f32Type}, all);
  for (size_t i = 0; i < all.size(); ++i)
    ASSERT_EQ(got[i], (uint32_t)i << 16);
}

TEST(Cast, f64_rounds_once) {
  // 1 + 2^-11 + 2^-30 is above half between two f16; through f32 it would be
  // exactly half, and fall to even.
  std::vector<double> value = {1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -30)};
  EXPECT_EQ((cast<uint16_t, double>(f64Type, {f16Type}, value))[0], 0x3c01);
  EXPECT_EQ((cast<uint16_t, double>(f64Type, {f32Type, f16Type}, value))[0],
            0x3c00);
  std::vector<float> narrowed = cast<float, double>(
      f64Type, {f32Type}, {0.1, 1e300, -1e-300, 16777217.0});
  EXPECT_EQ(narrowed, (std::vector<float>{0.1f, HUGE_VALF, -0.0f, 16777216.f}));
}

TEST(Cast, large_integers_round_once) {
  // 2^62 + 2^54 + 1 is just above half between two bf16.
  std::vector<int64_t> value = {((int64_t)1 << 62) + ((int64_t)1 << 54) + 1,
                                -((int64_t)1 << 62) - ((int64_t)1 << 54)};
  std::vector<uint16_t> got = cast<uint16_t>(i64Type, {bf16Type}, value);
  EXPECT_EQ(got[0], 0x5e81);
  EXPECT_EQ(got[1], 0xde80);
  EXPECT_EQ((cast<float, int64_t>(i64Type, {f32Type}, {16777217}))[0],
            16777216.0f);
}

TEST(Cast, floats_to_integers_truncate_and_saturate) {
  std::vector<float> values = {1.9f, -1.9f, 300.f, -300.f, NAN, HUGE_VALF};
  EXPECT_EQ((cast<int8_t>(f32Type, {i8Type}, values)),
            (std::vector<int8_t>{1, -1, 127, -128, 0, 127}));
  EXPECT_EQ((cast<uint8_t>(f32Type, {u8Type}, values)),
            (std::vector<uint8_t>{1, 0, 255, 0, 0, 255}));
  EXPECT_EQ((cast<uint64_t, double>(f64Type, {u64Type}, {1e19, 1e30, -1})),
            (std::vector<uint64_t>{10000000000000000000u, UINT64_MAX, 0}));
  EXPECT_EQ((cast<int64_t, double>(f64Type, {i64Type}, {1e30, -1e30})),
            (std::vector<int64_t>{INT64_MAX, INT64_MIN}));
}

TEST(Cast, integers_wrap_and_bools_are_zero_or_one) {
  EXPECT_EQ((cast<int8_t, int32_t>(i32Type, {i8Type}, {257, -129, 128})),
            (std::vector<int8_t>{1, 127, -128}));
  EXPECT_EQ((cast<int64_t, int32_t>(i32Type, {i64Type}, {-5, 7})),
            (std::vector<int64_t>{-5, 7}));
  EXPECT_EQ((cast<uint8_t, float>(f32Type, {boolType}, {0.f, -0.f, .1f, NAN})),
            (std::vector<uint8_t>{0, 0, 1, 1}));
  EXPECT_EQ((cast<float, uint8_t>(boolType, {f32Type}, {0, 1, 2})),
            (std::vector<float>{0, 1, 1}));
}

// A cast on the way, ahead of a pack, behind it, or both: the same bytes as the
// pack of the cast values.
TEST(Cast, around_a_pack) {
  std::vector<uint32_t> values = makeFloatBits();
  const int64_t rows = 101, columns = 75;
  values.resize(rows * columns);
  const std::vector<uint16_t> narrow =
      cast<uint16_t>(f32Type, {bf16Type}, values);
  const int64_t dims[] = {columns, rows}, swap[] = {1, 0};
  const moe_span_desc span = {"f", 0,   values.size() * 4, 0, MOE_FLOAT, 32,
                              2,   dims};
  const void *data = values.data();
  const int64_t bf16[] = {MOE_BFLOAT, 16}, f64[] = {MOE_FLOAT, 64};
  const moe_recipe_step toBF16 = {MOE_RECIPE_CAST, 2, bf16},
                        toF64 = {MOE_RECIPE_CAST, 2, f64},
                        turn = {MOE_RECIPE_TRANSPOSE, 2, swap};
  for (int64_t group : {1, 2}) {
    Reference whole{{columns, rows}, {narrow.begin(), narrow.end()}};
    const Reference expected = pack(transpose(whole, {1, 0}), 16, group);
    const int64_t packInts[] = {16, group};
    const moe_recipe_step panels = {MOE_RECIPE_PACK, 2, packInts};
    for (const std::vector<moe_recipe_step> &steps :
         {std::vector<moe_recipe_step>{toBF16, turn, panels},
          {turn, panels, toBF16},
          {turn, toF64, panels, toBF16}}) {
      std::vector<uint16_t> out(expected.values.size(), 0x5555);
      char error[256] = "";
      ASSERT_EQ(moe_rt_execute_recipe(&span, &data, 1, steps.data(),
                                      (int64_t)steps.size(), out.data(),
                                      out.size() * 2, error, sizeof(error)),
                MOE_OK)
          << error;
      EXPECT_EQ(std::vector<uint32_t>(out.begin(), out.end()), expected.values);
    }
  }
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST(Recipe, steps_that_do_not_fit) {
  const int64_t dims[] = {2, 3}, swapped[] = {3, 2}, twice[] = {0, 0},
                far[] = {0, 2}, cast[] = {9, 9}, panels[] = {16, 1},
                noWidth[] = {0, 1}, noRows[] = {16, 0},
                huge[] = {(int64_t)1 << 62, 2}, line[] = {6};
  const float data[6] = {};
  const void *pointers[] = {data, data};
  const moe_span_desc span = {"f", 0, 24, 0, MOE_FLOAT, 32, 2, dims};
  moe_span_desc other = span;
  other.dims = swapped;
  moe_span_desc typed = span;
  typed.dtype_code = MOE_INT;
  moe_span_desc shorter = span;
  shorter.length = 20;
  moe_span_desc vector = span;
  vector.rank = 1;
  vector.dims = line;
  struct {
    std::vector<moe_span_desc> spans;
    std::vector<moe_recipe_step> steps;
    uint64_t size;
    const char *reason;
  } cases[] = {
      {{}, {}, 24, "no source spans"},
      {{span, span}, {}, 48, "leaves 2 tensors; a stack is missing"},
      {{span, other},
       {{MOE_RECIPE_STACK, 0, nullptr}},
       48,
       "span 1 has extent 3 in dim 0 but span 0 has 2"},
      {{span, typed},
       {{MOE_RECIPE_STACK, 0, nullptr}},
       48,
       "span 1 has another element type"},
      {{shorter}, {}, 20, "span 0 has 20 bytes"},
      {{span}, {{MOE_RECIPE_TRANSPOSE, 1, dims}}, 24, "permutation of 1 dims"},
      {{span}, {{MOE_RECIPE_TRANSPOSE, 2, twice}}, 24, "no permutation"},
      {{span}, {{MOE_RECIPE_TRANSPOSE, 2, far}}, 24, "no permutation"},
      {{span}, {{MOE_RECIPE_CAST, 2, cast}}, 24, "unknown element type"},
      {{span}, {{MOE_RECIPE_PACK, 2, noWidth}}, 24, "both at least 1"},
      {{span}, {{MOE_RECIPE_PACK, 2, noRows}}, 24, "both at least 1"},
      {{span}, {{MOE_RECIPE_PACK, 1, panels}}, 24, "both at least 1"},
      {{vector}, {{MOE_RECIPE_PACK, 2, panels}}, 24, "rank 1 has no rows"},
      {{span},
       {{MOE_RECIPE_PACK, 2, panels}, {MOE_RECIPE_PACK, 2, panels}},
       128,
       "packed already"},
      {{span}, {{MOE_RECIPE_PACK, 2, panels}}, 24, "makes 128 bytes"},
      {{span}, {{MOE_RECIPE_PACK, 2, huge}}, 24, "larger than the address"},
      {{span}, {{77, 0, nullptr}}, 24, "unknown recipe step 77"},
      {{span}, {}, 28, "makes 24 bytes but the weight has 28"},
  };
  for (const auto &test : cases) {
    float out[12];
    char error[256] = "";
    EXPECT_EQ(moe_rt_execute_recipe(
                  test.spans.data(), pointers, (int64_t)test.spans.size(),
                  test.steps.data(), (int64_t)test.steps.size(), out, test.size,
                  error, sizeof(error)),
              MOE_INVALID_ARGUMENT);
    EXPECT_CONTAINS(error, test.reason);
  }
}
