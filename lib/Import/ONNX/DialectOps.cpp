//===- DialectOps.cpp - The onnx dialect by reflection --------------------===//
#include "DialectOps.h"

#include "mlir/IR/OpDefinition.h"

using namespace mlir;

namespace moe::importer {

std::optional<RegisteredOperationName> lookupOp(const std::string &domain,
                                                const std::string &op,
                                                MLIRContext *context) {
  if (domain.empty())
    return RegisteredOperationName::lookup("onnx." + op, context);
  if (domain == "com.microsoft")
    return RegisteredOperationName::lookup("onnx.ms." + op, context);
  return std::nullopt;
}

ResultForm getResultForm(RegisteredOperationName op) {
  if (op.hasTrait<OpTrait::AttrSizedResultSegments>())
    return ResultForm::Segments;
  return op.hasTrait<OpTrait::VariadicResults>() ? ResultForm::Present
                                                 : ResultForm::Fixed;
}

bool RegisteredDialect::hasOp(const std::string &domain,
                              const std::string &op) const {
  return lookupOp(domain, op, context).has_value();
}

std::optional<unsigned>
RegisteredDialect::getNumResults(const std::string &domain,
                                 const std::string &op) const {
  std::optional<RegisteredOperationName> name = lookupOp(domain, op, context);
  if (!name)
    return std::nullopt;
  if (name->hasTrait<OpTrait::OneResult>())
    return 1;
  if (name->hasTrait<OpTrait::NResults<2>::Impl>())
    return 2;
  if (name->hasTrait<OpTrait::NResults<3>::Impl>())
    return 3;
  if (name->hasTrait<OpTrait::NResults<4>::Impl>())
    return 4;
  if (name->hasTrait<OpTrait::NResults<5>::Impl>())
    return 5;
  return std::nullopt;
}

} // namespace moe::importer
