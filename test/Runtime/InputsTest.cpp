//===- InputsTest.cpp - What moe_run checks before it runs ----------------===//
//
// One message per mistake: it names the input, the type that was compiled and
// what came.
//
//===----------------------------------------------------------------------===//
#include "TestModel.h"

#include <cstdint>
#include <limits>

using namespace moe::test;

namespace {

class Inputs : public ::testing::Test {
protected:
  /// Expects `x` to be refused with a message that has `reason`.
  void refuse(const moe_tensor &tensor, const char *reason) {
    EXPECT_EQ(context.run(tensor, FAKE_ADD), MOE_INVALID_ARGUMENT);
    EXPECT_CONTAINS(context.error(), "input 'x': expected float32[batch,4]");
    EXPECT_CONTAINS(context.error(), reason);
  }

  Tensor<float> x{f32, {2, 4}, std::vector<float>(8, 1.0f)};
  Context context;
};

} // namespace

TEST_F(Inputs, count) {
  moe_tensor inputs[] = {x.tensor};
  EXPECT_EQ(moe_run(context.get(), inputs, 1, context.outputs, 3),
            MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "has 2 inputs but moe_run was given 1");
}

TEST_F(Inputs, null_arrays) {
  moe_tensor inputs[2] = {};
  EXPECT_EQ(moe_run(context.get(), nullptr, 2, context.outputs, 3),
            MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "inputs is NULL");
  EXPECT_EQ(moe_run(context.get(), inputs, 2, nullptr, 3),
            MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "outputs is NULL");
  EXPECT_EQ(moe_run(context.get(), inputs, 2, context.outputs, 2),
            MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "has 3 outputs");
  EXPECT_EQ(moe_run(nullptr, inputs, 2, context.outputs, 3),
            MOE_INVALID_ARGUMENT);
}

TEST_F(Inputs, element_type) {
  x.tensor.dtype = {MOE_FLOAT, 64, 1};
  refuse(x.tensor, "got float64[2,4]: the element type differs");
  x.tensor.dtype = {MOE_BFLOAT, 16, 1};
  refuse(x.tensor, "got bfloat16[2,4]");
  x.tensor.dtype = {5, 7, 1};
  refuse(x.tensor, "got unknown type (code 5, 7 bits)[2,4]");
  x.tensor.dtype = {MOE_FLOAT, 32, 4};
  refuse(x.tensor, "vectors of 4 lanes");
}

TEST_F(Inputs, device) {
  x.tensor.device = {2, 0};
  refuse(x.tensor, "device type 2; copy it to the CPU");
}

TEST_F(Inputs, rank) {
  x.tensor.ndim = 1;
  refuse(x.tensor, "got float32[2]: rank 1 instead of 2");
  x.tensor.ndim = -1;
  refuse(x.tensor, "got a tensor of rank -1");
  x.tensor.ndim = 1 << 30;
  refuse(x.tensor, "got a tensor of rank 1073741824");
}

TEST_F(Inputs, null_shape_and_data) {
  x.tensor.shape = nullptr;
  refuse(x.tensor, "whose shape is NULL");
  x.tensor.shape = x.shape.data();
  x.tensor.data = nullptr;
  refuse(x.tensor, "its data is NULL");
}

TEST_F(Inputs, dims) {
  x.shape[1] = 5;
  refuse(x.tensor, "got float32[2,5]: dim 1 must be 4");
  x.shape = {-2, 4};
  x.tensor.shape = x.shape.data();
  refuse(x.tensor, "got float32[-2,4]: dim 0 is negative");
}

TEST_F(Inputs, huge_sizes) {
  x.shape = {std::numeric_limits<int64_t>::max() / 8, 4};
  x.tensor.shape = x.shape.data();
  refuse(x.tensor, "larger than the address space");
}

TEST_F(Inputs, strides) {
  x.strides = {1, 2};
  x.tensor.strides = x.strides.data();
  refuse(x.tensor, "its strides are not row-major; make it contiguous");
  x.strides = {4, 1};
  x.tensor.strides = x.strides.data();
  EXPECT_EQ(context.run(x.tensor, FAKE_ADD), MOE_OK) << context.error();
}

TEST_F(Inputs, strides_of_extent_one_do_not_matter) {
  x.shape = {1, 4};
  x.tensor.shape = x.shape.data();
  x.strides = {77, 1};
  x.tensor.strides = x.strides.data();
  EXPECT_EQ(context.run(x.tensor, FAKE_ADD), MOE_OK) << context.error();
}

TEST_F(Inputs, zero_extents) {
  x.shape = {0, 4};
  x.tensor.shape = x.shape.data();
  x.tensor.data = nullptr;
  ASSERT_EQ(context.run(x.tensor, FAKE_ADD), MOE_OK) << context.error();
  EXPECT_EQ(context.outputs[0].shape[0], 0);
  EXPECT_EQ(context.outputs[1].shape[1], 0);
  EXPECT_NE(context.outputs[0].data, nullptr);
}

TEST_F(Inputs, misaligned_data_is_copied) {
  std::vector<char> bytes(8 * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, x.values.data(), 8 * sizeof(float));
  x.tensor.data = bytes.data();
  x.tensor.byte_offset = 1;
  ASSERT_EQ(context.run(x.tensor, FAKE_ADD), MOE_OK) << context.error();
  EXPECT_EQ(static_cast<float *>(context.outputs[0].data)[4], 1.5f);
}

TEST_F(Inputs, an_error_does_not_spoil_the_context) {
  x.tensor.ndim = 1;
  EXPECT_EQ(context.run(x.tensor, FAKE_ADD), MOE_INVALID_ARGUMENT);
  x.tensor.ndim = 2;
  EXPECT_EQ(context.run(x.tensor, FAKE_ADD), MOE_OK);
}

//===----------------------------------------------------------------------===//
// Dim names and bools: a model of its own
//===----------------------------------------------------------------------===//

namespace {

/// Two inputs that share a dim, and a bool; the entry returns the bool's sum.
struct NamedDims {
  static void entry(void *results, void **inputs) {
    auto *mask = static_cast<int64_t *>(inputs[2]);
    auto *bytes = reinterpret_cast<unsigned char *>(mask[1]);
    int64_t sum = 0;
    for (int64_t i = 0; i < mask[3]; ++i)
      sum += bytes[i];
    auto *value =
        static_cast<int64_t *>(_mlir_memref_to_llvm_alloc(sizeof(int64_t)));
    *value = sum;
    auto *words = static_cast<int64_t *>(results);
    words[0] = words[1] = reinterpret_cast<int64_t>(value);
    words[2] = 0;
  }

  const int64_t dims[2] = {-1, -1};
  const char *const names[2] = {"batch", "sequence"};
  const char *const reversed[2] = {"sequence", "batch"};
  const moe_value_desc inputs[3] = {
      {"ids", MOE_INT, 64, 2, dims, names},
      {"other", MOE_INT, 64, 2, dims, reversed},
      {"mask", MOE_BOOL, 8, 1, dims, names},
  };
  const moe_value_desc outputs[1] = {{"sum", MOE_INT, 64, 0, nullptr, nullptr}};
  moe_model_desc model = moe_model_descriptor;

  NamedDims() {
    model.entry = entry;
    model.num_inputs = 3;
    model.inputs = inputs;
    model.num_outputs = 1;
    model.outputs = outputs;
    model.num_weights = 0;
  }
};

} // namespace

TEST(DimNames, equal_names_are_equal_extents) {
  NamedDims named;
  Context context(named.model);
  Tensor<int64_t> ids(i64, {2, 3}, std::vector<int64_t>(6));
  Tensor<int64_t> other(i64, {3, 2}, std::vector<int64_t>(6));
  Tensor<unsigned char> mask({MOE_BOOL, 8, 1}, {2}, {1, 1});
  moe_tensor inputs[] = {ids.tensor, other.tensor, mask.tensor};
  ASSERT_EQ(moe_run(context.get(), inputs, 3, context.outputs, 1), MOE_OK)
      << context.error();
  EXPECT_EQ(*static_cast<int64_t *>(context.outputs[0].data), 2);

  other.shape = {2, 3};
  EXPECT_EQ(moe_run(context.get(), inputs, 3, context.outputs, 1),
            MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(),
                  "input 'other': expected int64[sequence,batch], got "
                  "int64[2,3]: dim 'sequence' is 2 here but 3 in input 'ids'");
}

// Generated code reads a bool as one bit, so only 0 and 1 may reach it.
TEST(DimNames, odd_bools_become_one) {
  NamedDims named;
  Context context(named.model);
  Tensor<int64_t> ids(i64, {3, 1}, std::vector<int64_t>(3));
  Tensor<int64_t> other(i64, {1, 3}, std::vector<int64_t>(3));
  Tensor<unsigned char> mask({MOE_BOOL, 8, 1}, {3}, {255, 0, 2});
  moe_tensor inputs[] = {ids.tensor, other.tensor, mask.tensor};
  ASSERT_EQ(moe_run(context.get(), inputs, 3, context.outputs, 1), MOE_OK)
      << context.error();
  EXPECT_EQ(*static_cast<int64_t *>(context.outputs[0].data), 2);
  EXPECT_EQ(mask.values[0], 255) << "inputs are only read";
}
