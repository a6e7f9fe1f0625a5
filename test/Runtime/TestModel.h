//===- TestModel.h - Contexts and tensors for the tests ---------*- C++ -*-===//
//
// A copy of the fake model that a test may alter before it makes a context, and
// tensors that own what they point to.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_TEST_RUNTIME_TESTMODEL_H
#define MOE_TEST_RUNTIME_TESTMODEL_H

#include "FakeModel.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace moe::test {

/// A tensor over a vector of T.
template <typename T> struct Tensor {
  Tensor(moe_dtype dtype, std::vector<int64_t> dims, std::vector<T> values)
      : values(std::move(values)), shape(std::move(dims)) {
    tensor.data = this->values.data();
    tensor.device = {1, 0};
    tensor.ndim = (int32_t)shape.size();
    tensor.dtype = dtype;
    tensor.shape = shape.data();
  }
  Tensor(const Tensor &) = delete;

  std::vector<T> values;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  moe_tensor tensor{};
};

inline constexpr moe_dtype f32{MOE_FLOAT, 32, 1};
inline constexpr moe_dtype i64{MOE_INT, 64, 1};

/// A context of a model, by default the fake one.
class Context {
public:
  explicit Context(const moe_model_desc &model = moe_model_descriptor,
                   const moe_options *options = nullptr,
                   const char *folder = nullptr)
      : status(moe_rt_create(&model, folder, options, &context)) {}
  ~Context() { moe_destroy(context); }
  Context(const Context &) = delete;

  std::string error() const { return moe_last_error(context); }
  moe_context *get() { return context; }

  /// Runs the fake model on x[batch,4] = 0, 1, 2, ... in `mode`.
  moe_status run(int64_t mode, int64_t batch = 3) {
    std::vector<float> values((size_t)batch * 4);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = (float)i;
    Tensor<float> x(f32, {batch, 4}, std::move(values));
    return run(x.tensor, mode);
  }

  moe_status run(const moe_tensor &x, int64_t mode) {
    Tensor<int64_t> modeTensor(i64, {}, {mode});
    moe_tensor inputs[] = {x, modeTensor.tensor};
    return moe_run(context, inputs, 2, outputs, 3);
  }

  moe_tensor outputs[3] = {};

private:
  moe_context *context = nullptr;

public:
  moe_status status;
};

inline moe_options makeOptions() {
  moe_options options{};
  options.struct_size = sizeof(options);
  return options;
}

/// A folder that goes with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "moe-test-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::string command = "rm -rf '" + path + "'";
    if (std::system(command.c_str()) != 0)
      ADD_FAILURE() << "cannot remove " << path;
  }

  std::string write(const std::string &name, const void *data,
                    size_t size) const {
    std::string file = path + "/" + name;
    std::ofstream(file, std::ios::binary)
        .write(static_cast<const char *>(data), (std::streamsize)size);
    return file;
  }

  std::string path;
};

} // namespace moe::test

#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "in: " << (text)

#endif // MOE_TEST_RUNTIME_TESTMODEL_H
