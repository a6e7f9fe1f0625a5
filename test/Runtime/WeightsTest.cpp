//===- WeightsTest.cpp - Embedded, beside and deferred weights ------------===//
//
// A model of two weights: `bias`, which the fake entry reads, and `unused`.
//
//===----------------------------------------------------------------------===//
#include "TestModel.h"

using namespace moe::test;

namespace {

class Weights : public ::testing::Test {
protected:
  Weights() {
    for (size_t i = 0; i < 64; ++i)
      data[i] = (float)i;
    // bias at byte 64, of 16 bytes; unused at byte 128.
    weights[0] = {"bias", 16,      64, moe_rt_hash(&data[16], 16),
                  0,      nullptr, 0,  nullptr};
    weights[1] = {"unused", 128, 128, 1, 0, nullptr, 0, nullptr};
    model.num_weights = 2;
    model.weights = weights;
    model.weights_kind = MOE_WEIGHTS_BESIDE;
    model.weights_file = "model.safetensors";
    model.weights_size = sizeof(data);
  }

  std::string writeFile(size_t size = sizeof(data)) {
    return folder.write("model.safetensors", data, size);
  }

  /// Creates a context and runs it; either's failure.
  moe_status run(const char *path, const char *defaultFolder) {
    moe_options options = makeOptions();
    options.weights_path = path;
    Context context(model, &options, defaultFolder);
    if (context.status != MOE_OK) {
      error = moe_last_error(nullptr);
      return context.status;
    }
    moe_status status = context.run(FAKE_ADD);
    error = context.error();
    if (status == MOE_OK)
      first = *static_cast<float *>(context.outputs[0].data);
    return status;
  }

  float data[64];
  moe_weight_desc weights[2];
  moe_model_desc model = moe_model_descriptor;
  TemporaryFolder folder;
  std::string error;
  float first = 0;
};

} // namespace

TEST_F(Weights, beside_the_artefact) {
  writeFile();
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_OK) << error;
  EXPECT_EQ(first, 16.0f);
}

TEST_F(Weights, in_a_given_folder_or_file) {
  std::string file = writeFile();
  EXPECT_EQ(run(folder.path.c_str(), "/nowhere"), MOE_OK) << error;
  EXPECT_EQ(run(file.c_str(), "/nowhere"), MOE_OK) << error;
}

TEST_F(Weights, missing) {
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_IO_ERROR);
  EXPECT_CONTAINS(error, folder.path + "/model.safetensors': No such file");
  EXPECT_EQ(run("/nowhere/at/all", nullptr), MOE_IO_ERROR);
  EXPECT_EQ(run(nullptr, nullptr), MOE_IO_ERROR);
  EXPECT_CONTAINS(error, "give weights_path");
}

TEST_F(Weights, not_a_file) {
  writeFile();
  EXPECT_EQ(run("/dev/null", nullptr), MOE_IO_ERROR);
  EXPECT_CONTAINS(error, "not a regular file");
}

TEST_F(Weights, truncated) {
  for (size_t size : {0u, 70u, 255u}) {
    writeFile(size);
    EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_IO_ERROR);
    EXPECT_CONTAINS(error, "is truncated or of another build: weight");
    EXPECT_CONTAINS(error, "but the file has " + std::to_string(size));
  }
}

TEST_F(Weights, of_another_build) {
  data[17] += 1;
  writeFile();
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_WEIGHTS_MISMATCH);
  EXPECT_CONTAINS(error, "weight 'bias'");
  EXPECT_CONTAINS(error, "model.safetensors");
}

// `unused` has a wrong hash: it is checked only if a run reads it.
TEST_F(Weights, are_checked_when_first_read) {
  writeFile();
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_OK) << error;
}

TEST_F(Weights, unaligned_ones_are_copied) {
  weights[0].offset = 68;
  weights[0].hash = moe_rt_hash(&data[17], 16);
  writeFile();
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_OK) << error;
  EXPECT_EQ(first, 17.0f);
}

TEST_F(Weights, embedded_ones_are_checked_too) {
  alignas(64) static float embedded[64];
  std::memcpy(embedded, data, sizeof(data));
  model.weights_kind = MOE_WEIGHTS_EMBEDDED;
  model.embedded_weights = embedded;
  EXPECT_EQ(run(nullptr, nullptr), MOE_OK) << error;
  embedded[16] = -1;
  EXPECT_EQ(run(nullptr, nullptr), MOE_WEIGHTS_MISMATCH);
  EXPECT_CONTAINS(error, "in the program");
}

TEST_F(Weights, a_bad_slot_is_reported) {
  writeFile();
  model.num_weights = 0;
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(error, "weight slot 0 of 0");
}

//===----------------------------------------------------------------------===//
// Deferred
//===----------------------------------------------------------------------===//

namespace {

/// bias = cast<f32>(stack(2 x f16[2])), its spans in two files.
class DeferredWeights : public Weights {
protected:
  DeferredWeights() {
    const uint16_t a[] = {0, 0x3c00, 0x4000}, b[] = {0xc000, 0x7bff};
    folder.write("a.bin", a, sizeof(a));
    folder.write("b.bin", b, sizeof(b));
    spans[0] = {"a.bin", 2, 4, moe_rt_hash(a + 1, 4), MOE_FLOAT, 16, 1, dims};
    spans[1] = {"b.bin", 0, 4, moe_rt_hash(b, 4), MOE_FLOAT, 16, 1, dims};
    weights[0] = {"bias", 16, 0, 0, 2, spans, 2, steps};
    model.num_weights = 1;
    model.weights_kind = MOE_WEIGHTS_DEFERRED;
  }

  const int64_t dims[1] = {2};
  const int64_t toF32[2] = {MOE_FLOAT, 32};
  const moe_recipe_step steps[2] = {{MOE_RECIPE_STACK, 0, nullptr},
                                    {MOE_RECIPE_CAST, 2, toF32}};
  moe_span_desc spans[2];
};

} // namespace

TEST_F(DeferredWeights, are_made_of_spans) {
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_OK) << error;
  EXPECT_EQ(first, 1.0f);
  EXPECT_EQ(run(folder.path.c_str(), nullptr), MOE_OK) << error;
}

TEST_F(DeferredWeights, in_several_files_need_a_folder) {
  std::string file = folder.path + "/a.bin";
  EXPECT_EQ(run(file.c_str(), nullptr), MOE_IO_ERROR);
  EXPECT_CONTAINS(error, "must be their folder");
}

TEST_F(DeferredWeights, check_their_spans) {
  const uint16_t other[] = {1, 2};
  folder.write("b.bin", other, sizeof(other));
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_WEIGHTS_MISMATCH);
  EXPECT_CONTAINS(error, "b.bin");
  folder.write("b.bin", other, 3);
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_IO_ERROR);
  EXPECT_CONTAINS(error, "truncated");
}

TEST_F(DeferredWeights, whose_recipe_does_not_fit) {
  weights[0].size = 20;
  EXPECT_EQ(run(nullptr, folder.path.c_str()), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(error, "weight 'bias' cannot be made: the recipe makes 16");
}
