//===- ExternalData.h - Weights as ranges of files --------------*- C++ -*-===//
//
// Resolves external tensors and takes them out of the model, so that ONNX's
// library never sees (or copies) their bytes.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_EXTERNALDATA_H
#define MOE_LIB_IMPORT_ONNX_EXTERNALDATA_H

#include "MappedFile.h"
#include "OnnxLibrary.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moe::importer {

/// The domain of what stands for a `Constant` with a big value until functions
/// are inlined.
constexpr const char *kPlaceholderDomain = "moe.import";

/// A tensor's bytes: a checked range of a file in the model's folder.
struct WeightSpan {
  /// The initialiser's name, for symbols and messages.
  std::string name;
  /// Relative to the model's folder.
  std::string file;
  uint64_t offset = 0;
  uint64_t length = 0;
  /// XXH3-64 of the bytes, or 0.
  uint64_t hash = 0;
  int32_t elementType = 0;
  std::vector<int64_t> dims;
};

/// All spans of a model, and which value of its main graph each one is.
struct WeightTable {
  std::vector<WeightSpan> spans;
  /// Inputs of the main graph, added by `hoistWeights`, to indices of `spans`.
  std::map<std::string, size_t> values;
};

/// The files of a model's folder, each mapped once.
class ModelFolder {
public:
  /// `modelPath` itself is mapped at once; it may be a link.
  explicit ModelFolder(const std::string &modelPath);

  const MappedFile &model() const { return *files.at(modelName); }
  const std::string &name() const { return modelName; }

  /// The file at `location`, relative to the folder. Refuses absolute paths,
  /// `..` and links that leave the folder. `location` becomes its normal form.
  const MappedFile &open(std::string &location, const std::string &tensor);

private:
  std::string folder;
  std::string modelName;
  std::map<std::string, std::unique_ptr<MappedFile>> files;
};

/// Resolves every external tensor of `model`. At most `inlineBytes` bytes are
/// read into the model; bigger initialisers of the main graph and of subgraphs
/// become inputs of the main graph, bigger `Constant`s become placeholder nodes
/// (functions cannot capture inputs). Throws ImportError.
WeightTable resolveExternalData(pb::ModelProto &model, ModelFolder &folder,
                                uint64_t inlineBytes, bool hashWeights);

/// Throws unless an input's type fits the initialiser that has its name.
void checkInitializedInput(const pb::ValueInfoProto &input, int32_t elementType,
                           const std::vector<int64_t> &dims);

/// Turns the placeholders into inputs of the main graph; needs all local
/// functions inlined.
void hoistPlaceholders(pb::ModelProto &model, WeightTable &weights);

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_EXTERNALDATA_H
