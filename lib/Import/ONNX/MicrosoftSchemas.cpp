//===- MicrosoftSchemas.cpp - Contrib operators for ONNX's library --------===//
//
// ONNX's library knows only its own domains. These schemas give it the formal
// parameters, defaults and type rules of the com.microsoft operators that the
// dialect has, after ONNX Runtime's ContribOperators.md.
//
//===----------------------------------------------------------------------===//
#include "Normalize.h"
#include "onnx/defs/schema.h"
#include "onnx/defs/shape_inference.h"
#include <algorithm>
#include <vector>

namespace moe::importer {

namespace {

/// Output 0 has the type and shape of input 0.
void inferLikeFirst(pb::InferenceContext &context) {
  pb::propagateElemTypeFromInputToOutput(context, 0, 0);
  if (pb::hasInputShape(context, 0))
    pb::propagateShapeFromInputToOutput(context, 0, 0);
}

/// A shape as FusedMatMul sees it: the first dim moved before the last one,
/// then the last two swapped.
std::vector<pb::TensorShapeProto_Dimension>
getOperandDims(pb::InferenceContext &context, size_t input,
               const char *moveBatch, const char *transpose) {
  const auto &shape = pb::getInputShape(context, input).dim();
  std::vector<pb::TensorShapeProto_Dimension> dims(shape.begin(), shape.end());
  if (dims.size() < 2)
    return dims;
  if (pb::getAttribute(context, moveBatch, 0))
    std::rotate(dims.begin(), dims.begin() + 1, dims.end() - 1);
  if (pb::getAttribute(context, transpose, 0))
    std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  return dims;
}

void inferFusedMatMul(pb::InferenceContext &context) {
  pb::propagateElemTypeFromInputToOutput(context, 0, 0);
  if (!pb::hasNInputShapes(context, 2))
    return;
  auto a = getOperandDims(context, 0, "transBatchA", "transA");
  auto b = getOperandDims(context, 1, "transBatchB", "transB");
  if (a.empty() || b.empty())
    throw pb::InferenceError("FusedMatMul: operands must not be scalars");
  pb::TensorShapeProto batchA, batchB, result;
  for (size_t i = 0; i + 2 < a.size(); ++i)
    *batchA.add_dim() = a[i];
  for (size_t i = 0; i + 2 < b.size(); ++i)
    *batchB.add_dim() = b[i];
  pb::multidirectionalBroadcastShapeInference({&batchA, &batchB}, result);
  if (a.size() > 1)
    *result.add_dim() = a[a.size() - 2];
  if (b.size() > 1)
    *result.add_dim() = b.back();
  pb::updateOutputShape(context, 0, result);
}

pb::OpSchema makeSchema(const char *name) {
  return pb::OpSchema(name, __FILE__, __LINE__)
      .SetDomain("com.microsoft")
      .SinceVersion(1)
      .TypeConstraint("T",
                      {"tensor(float)", "tensor(float16)", "tensor(bfloat16)",
                       "tensor(double)"},
                      "floats")
      .TypeConstraint("I", {"tensor(int64)"}, "indices");
}

void registerAll() {
  pb::OpSchemaRegistry::DomainToVersionRange::Instance().AddDomainToVersion(
      "com.microsoft", 1, 1);
  for (const char *name : {"QuickGelu", "FastGelu", "Gelu"}) {
    pb::OpSchema schema =
        makeSchema(name).Input(0, "X", "", "T").Output(0, "Y", "", "T");
    if (name == llvm::StringRef("FastGelu"))
      schema.Input(1, "bias", "", "T", pb::OpSchema::Optional);
    if (name == llvm::StringRef("QuickGelu"))
      schema.Attr("alpha", "", pb::AttributeProto::FLOAT, 1.702f);
    pb::RegisterSchema(schema.TypeAndShapeInferenceFunction(inferLikeFirst));
  }
  pb::RegisterSchema(makeSchema("BiasGelu")
                         .Input(0, "A", "", "T")
                         .Input(1, "B", "", "T")
                         .Output(0, "C", "", "T")
                         .TypeAndShapeInferenceFunction(inferLikeFirst));
  pb::RegisterSchema(
      makeSchema("SimplifiedLayerNormalization")
          .Attr("axis", "", pb::AttributeProto::INT, int64_t(-1))
          .Attr("epsilon", "", pb::AttributeProto::FLOAT, 1e-5f)
          .Attr("stash_type", "", pb::AttributeProto::INT, int64_t(1))
          .Input(0, "X", "", "T")
          .Input(1, "scale", "", "T")
          .Output(0, "Y", "", "T")
          .TypeAndShapeInferenceFunction(inferLikeFirst));
  pb::RegisterSchema(
      makeSchema("FusedMatMul")
          .Attr("alpha", "", pb::AttributeProto::FLOAT, 1.0f)
          .Attr("transA", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("transB", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("transBatchA", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("transBatchB", "", pb::AttributeProto::INT, int64_t(0))
          .Input(0, "A", "", "T")
          .Input(1, "B", "", "T")
          .Output(0, "Y", "", "T")
          .TypeAndShapeInferenceFunction(inferFusedMatMul));
  pb::RegisterSchema(
      makeSchema("RotaryEmbedding")
          .Attr("interleaved", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("num_heads", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("rotary_embedding_dim", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("scale", "", pb::AttributeProto::FLOAT, 1.0f)
          .Attr("is_packed_batching", "", pb::AttributeProto::INT, int64_t(0))
          .Input(0, "input", "", "T")
          .Input(1, "position_ids", "", "I")
          .Input(2, "cos_cache", "", "T")
          .Input(3, "sin_cache", "", "T")
          .Output(0, "output", "", "T")
          .TypeAndShapeInferenceFunction(inferLikeFirst));
  pb::RegisterSchema(
      makeSchema("MoE")
          .TypeConstraint(
              "F", {"tensor(float)", "tensor(float16)", "tensor(bfloat16)"},
              "floats")
          .Attr("activation_type", "", pb::AttributeProto::STRING,
                std::string("relu"))
          .Attr("k", "", pb::AttributeProto::INT, int64_t(1))
          .Attr("normalize_routing_weights", "", pb::AttributeProto::INT,
                int64_t(0))
          .Attr("use_sparse_mixer", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("swiglu_fusion", "", pb::AttributeProto::INT, int64_t(0))
          .Attr("activation_alpha", "", pb::AttributeProto::FLOAT, 1.0f)
          .Attr("activation_beta", "", pb::AttributeProto::FLOAT, 0.0f)
          .Attr("swiglu_limit", "", pb::AttributeProto::FLOAT, false)
          .Input(0, "input", "", "F")
          .Input(1, "router_probs", "", "F")
          .Input(2, "fc1_experts_weights", "", "F")
          .Input(3, "fc1_experts_bias", "", "F", pb::OpSchema::Optional)
          .Input(4, "fc2_experts_weights", "", "F")
          .Input(5, "fc2_experts_bias", "", "F", pb::OpSchema::Optional)
          .Input(6, "fc3_experts_weights", "", "F", pb::OpSchema::Optional)
          .Input(7, "fc3_experts_bias", "", "F", pb::OpSchema::Optional)
          .Output(0, "output", "", "F")
          .TypeAndShapeInferenceFunction(inferLikeFirst));
  // Outputs 1 and 2 (mean, inverse deviation) serve training only.
  for (const char *name :
       {"SkipSimplifiedLayerNormalization", "SkipLayerNormalization"}) {
    pb::OpSchema schema =
        makeSchema(name)
            .Attr("epsilon", "", pb::AttributeProto::FLOAT, 1e-5f)
            .Input(0, "input", "", "T")
            .Input(1, "skip", "", "T")
            .Input(2, "gamma", "", "T");
    int next = 3;
    if (name == llvm::StringRef("SkipLayerNormalization"))
      schema.Input(next++, "beta", "", "T", pb::OpSchema::Optional);
    schema.Input(next, "bias", "", "T", pb::OpSchema::Optional)
        .Output(0, "output", "", "T")
        .Output(1, "mean", "", "T", pb::OpSchema::Optional)
        .Output(2, "inv_std_var", "", "T", pb::OpSchema::Optional)
        .Output(3, "input_skip_bias_sum", "", "T", pb::OpSchema::Optional)
        .TypeAndShapeInferenceFunction([](pb::InferenceContext &context) {
          for (size_t i = 0; i < context.getNumOutputs(); ++i) {
            pb::propagateElemTypeFromInputToOutput(context, 0, i);
            if (pb::hasInputShape(context, 0))
              pb::propagateShapeFromInputToOutput(context, 0, i);
          }
        });
    pb::RegisterSchema(schema);
  }
}

} // namespace

void registerMicrosoftSchemas() {
  static const bool once = (registerAll(), true);
  (void)once;
}

} // namespace moe::importer
