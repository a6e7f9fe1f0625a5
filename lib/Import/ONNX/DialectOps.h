//===- DialectOps.h - The onnx dialect by reflection ------------*- C++ -*-===//
//
// What the importer asks the registered ops, so that no table of operators has
// to be kept in step with ODS.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_DIALECTOPS_H
#define MOE_LIB_IMPORT_ONNX_DIALECTOPS_H

#include "Normalize.h"
#include "mlir/IR/OperationSupport.h"

namespace moe::importer {

/// `onnx.MatMul`, `onnx.ms.FastGelu`; none for other domains.
std::optional<mlir::RegisteredOperationName>
lookupOp(const std::string &domain, const std::string &op,
         mlir::MLIRContext *context);

/// How the results of an op relate to ONNX's outputs.
enum class ResultForm {
  /// One result per output; the op fixes their number.
  Fixed,
  /// Results are the outputs that the node has (one variadic or optional
  /// group).
  Present,
  /// As Present, with `resultSegmentSizes`.
  Segments
};
ResultForm getResultForm(mlir::RegisteredOperationName op);

/// The dialect as the normaliser sees it.
class RegisteredDialect : public Dialect {
public:
  explicit RegisteredDialect(mlir::MLIRContext *context) : context(context) {}
  bool hasOp(const std::string &domain, const std::string &op) const override;
  std::optional<unsigned> getNumResults(const std::string &domain,
                                        const std::string &op) const override;

private:
  mlir::MLIRContext *context;
};

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_DIALECTOPS_H
