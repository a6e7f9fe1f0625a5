//===- Normalize.h - One form of ONNX for all files -------------*- C++ -*-===//
//
// From any valid model to the form that the graph builder reads: newest opset,
// no functions, only ops of the dialect, a type for every value.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_NORMALIZE_H
#define MOE_LIB_IMPORT_ONNX_NORMALIZE_H

#include "ExternalData.h"
#include "OnnxLibrary.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include <optional>
#include <string>

namespace onnx {
class OpSchema;
} // namespace onnx

namespace moe::importer {

/// What the normal form must fit: the `onnx` dialect, seen without MLIR.
class Dialect {
public:
  virtual ~Dialect() = default;
  /// True if the dialect has the operator.
  virtual bool hasOp(const std::string &domain,
                     const std::string &op) const = 0;
  /// Results of the op if their number is fixed.
  virtual std::optional<unsigned>
  getNumResults(const std::string &domain, const std::string &op) const = 0;
};

/// Brings `model` to the normal form: checks it, inlines its functions, fixes
/// `dims`, converts it to the newest opset, infers types, and expands operators
/// that `dialect` lacks by their ONNX function bodies. Throws ImportError or
/// what ONNX's library throws.
void normalize(pb::ModelProto &model, WeightTable &weights,
               const llvm::StringMap<int64_t> &dims, const Dialect &dialect);

/// The newest schema of a node's operator, or null.
const pb::OpSchema *getNewestSchema(const pb::NodeProto &node);

/// Gives a node the attributes that its schema has defaults for.
void addDefaults(pb::NodeProto &node, const pb::OpSchema &schema);

/// The value of an integer attribute.
int64_t getInt(const pb::NodeProto &node, llvm::StringRef name,
               int64_t fallback);

/// The opset of the default domain. Throws if it is out of range.
int getDefaultOpset(const pb::ModelProto &model);

/// Converts to the newest opset (VersionConversion.cpp).
void convertToNewestOpset(pb::ModelProto &model);

/// True if nodes of opset `from` mean the same in the newest one.
bool isUnchangedSince(
    const google::protobuf::RepeatedPtrField<pb::NodeProto> &nodes, int from);

/// Replaces operators that `dialect` lacks by their ONNX function bodies; needs
/// types (FunctionExpansion.cpp). True if it replaced one.
bool expandFunctionOps(pb::ModelProto &model, const Dialect &dialect);

/// Refuses operators that no step can make into ops of `dialect`, all at once
/// (FunctionExpansion.cpp).
void checkOperators(pb::ModelProto &model, const Dialect &dialect);

/// Fills in ranks that ONNX's shape inference left open; true if there were any
/// (RankInference.cpp).
bool inferRanks(pb::ModelProto &model);

/// Replaces `If` nodes whose condition follows from types and constants by the
/// branch that is taken, and ops that leave constant integers as they are by
/// constants; true if there were any (ConstantBranches.cpp).
bool foldConstantBranches(pb::ModelProto &model);

/// Refuses values without a type that the compiler supports, all at once
/// (CheckTypes.cpp).
void checkTypes(const pb::ModelProto &model);

/// Declares the operators of com.microsoft to ONNX's library, once
/// (MicrosoftSchemas.cpp).
void registerMicrosoftSchemas();

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_NORMALIZE_H
