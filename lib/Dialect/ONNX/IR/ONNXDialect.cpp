//===- ONNXDialect.cpp - The onnx dialect ---------------------------------===//
//
// Registration, broadcasting, and the table of string attributes.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/ONNX/IR/ONNX.h"

#include "mlir/Dialect/Traits.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe::onnx;

#include "moe/Dialect/ONNX/IR/ONNXDialect.cpp.inc"

#include "moe/Dialect/ONNX/IR/ONNXEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/ONNX/IR/ONNXAttrs.cpp.inc"

#include "moe/Dialect/ONNX/IR/ONNXInterfaces.cpp.inc"

void ONNXDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "moe/Dialect/ONNX/IR/ONNXAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "moe/Dialect/ONNX/IR/ONNXOps.cpp.inc"
      >();
}

LogicalResult moe::onnx::verifyBroadcast(Operation *op) {
  if (op->getNumOperands() == 0)
    return op->emitOpError("expected at least one operand");
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> shape;
  for (Type type : op->getOperandTypes()) {
    SmallVector<int64_t> next;
    if (!OpTrait::util::getBroadcastedShape(
            shape, cast<RankedTensorType>(type).getShape(), next))
      return op->emitOpError("operand shapes do not broadcast: ")
             << op->getOperandTypes();
    shape = std::move(next);
  }
  if (static_cast<int64_t>(shape.size()) != resultType.getRank() ||
      failed(verifyCompatibleShape(shape, resultType.getShape())))
    return op->emitOpError("operands broadcast to ")
           << RankedTensorType::get(shape, resultType.getElementType())
           << ", but the result is " << resultType;
  return success();
}

/// `Enum`'s attribute for ONNX's spelling of a case.
template <typename EnumAttrT, typename EnumT>
static FailureOr<Attribute>
symbolizeAs(MLIRContext *context, StringRef value,
            std::optional<EnumT> (*symbolize)(StringRef)) {
  std::optional<EnumT> result = symbolize(value);
  if (!result)
    return failure();
  return Attribute(EnumAttrT::get(context, *result));
}

FailureOr<Attribute> moe::onnx::symbolizeStringAttr(OperationName opName,
                                                    StringRef attrName,
                                                    StringRef value) {
  MLIRContext *context = opName.getContext();
  StringRef op = opName.stripDialect();
  if (attrName == "reduction" && op.starts_with("Scatter"))
    return symbolizeAs<ScatterReductionAttr>(context, value,
                                             symbolizeScatterReduction);
  if (attrName == "approximate" && op == "Gelu")
    return symbolizeAs<GeluApproximationAttr>(context, value,
                                              symbolizeGeluApproximation);
  if (attrName == "direction" && op == "BitShift")
    return symbolizeAs<ShiftDirectionAttr>(context, value,
                                           symbolizeShiftDirection);
  if (op == "Pad" && attrName == "mode")
    return symbolizeAs<PadModeAttr>(context, value, symbolizePadMode);
  if ((op == "DepthToSpace" || op == "SpaceToDepth") && attrName == "mode")
    return symbolizeAs<DepthModeAttr>(context, value, symbolizeDepthMode);
  if (op == "TensorScatter" && attrName == "mode")
    return symbolizeAs<CacheModeAttr>(context, value, symbolizeCacheMode);
  if (attrName == "auto_pad")
    return symbolizeAs<AutoPadAttr>(context, value, symbolizeAutoPad);
  if (op == "Einsum" && attrName == "equation")
    return Attribute(StringAttr::get(context, value));
  if (op == "Resize" && attrName == "mode")
    return symbolizeAs<ResizeModeAttr>(context, value, symbolizeResizeMode);
  if (op == "Resize" && attrName == "coordinate_transformation_mode")
    return symbolizeAs<CoordinateModeAttr>(context, value,
                                           symbolizeCoordinateMode);
  if (op == "Resize" && attrName == "nearest_mode")
    return symbolizeAs<NearestModeAttr>(context, value, symbolizeNearestMode);
  if (op == "Resize" && attrName == "keep_aspect_ratio_policy")
    return symbolizeAs<AspectPolicyAttr>(context, value, symbolizeAspectPolicy);
  if (op == "ms.MoE" && attrName == "activation_type")
    return symbolizeAs<ExpertActivationAttr>(context, value,
                                             symbolizeExpertActivation);
  return failure();
}
