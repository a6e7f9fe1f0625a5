//===- RTDialect.cpp - The rt dialect -------------------------------------===//
//
// Registration, and verification of the attributes that keep a model's
// interface on its entry function.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/RT/IR/RT.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe::rt;

#include "moe/Dialect/RT/IR/RTDialect.cpp.inc"

#include "moe/Dialect/RT/IR/RTInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/RT/IR/RTAttrs.cpp.inc"

void RTDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "moe/Dialect/RT/IR/RTAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "moe/Dialect/RT/IR/RTOps.cpp.inc"
      >();
}

/// `rt.name` is a string; `rt.dims` has one string per dim of `type`.
static LogicalResult verifyInterfaceAttr(Operation *op, Type type,
                                         NamedAttribute attribute) {
  if (attribute.getName() == RTDialect::nameAttrName) {
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitOpError("expected '")
             << RTDialect::nameAttrName << "' to be a string";
    return success();
  }
  if (attribute.getName() == RTDialect::dimsAttrName) {
    auto names = dyn_cast<ArrayAttr>(attribute.getValue());
    auto shaped = dyn_cast<ShapedType>(type);
    if (!names || !shaped || !shaped.hasRank() ||
        static_cast<int64_t>(names.size()) != shaped.getRank() ||
        !llvm::all_of(names, llvm::IsaPred<StringAttr>))
      return op->emitOpError("expected '")
             << RTDialect::dimsAttrName
             << "' to be an array of one string per dim of " << type;
    return success();
  }
  if (attribute.getName() == RTDialect::typeAttrName) {
    auto typeAttr = dyn_cast<TypeAttr>(attribute.getValue());
    auto tensor = typeAttr ? dyn_cast<RankedTensorType>(typeAttr.getValue())
                           : RankedTensorType();
    auto shaped = dyn_cast<ShapedType>(type);
    if (!tensor || !shaped || !shaped.hasRank() ||
        tensor.getShape() != shaped.getShape() ||
        !isElementType(tensor.getElementType()) ||
        !isElementType(shaped.getElementType()) ||
        tensor.getElementTypeBitWidth() != shaped.getElementTypeBitWidth())
      return op->emitOpError("expected '")
             << RTDialect::typeAttrName
             << "' to be a tensor type of the shape and element width of "
             << type;
    return success();
  }
  return op->emitOpError("unknown attribute '")
         << attribute.getName().getValue() << "' of the rt dialect";
}

// The verifier of functions, and nothing else, asks about their attributes.
LogicalResult RTDialect::verifyRegionArgAttribute(Operation *op,
                                                  unsigned regionIndex,
                                                  unsigned argIndex,
                                                  NamedAttribute attribute) {
  auto function = cast<FunctionOpInterface>(op);
  return verifyInterfaceAttr(op, function.getArgumentTypes()[argIndex],
                             attribute);
}

LogicalResult RTDialect::verifyRegionResultAttribute(Operation *op,
                                                     unsigned regionIndex,
                                                     unsigned resultIndex,
                                                     NamedAttribute attribute) {
  auto function = cast<FunctionOpInterface>(op);
  return verifyInterfaceAttr(op, function.getResultTypes()[resultIndex],
                             attribute);
}

StringRef moe::rt::getNodeName(Location loc) {
  StringRef name;
  loc->walk([&](Location inner) {
    auto named = dyn_cast<NameLoc>(inner);
    if (!named)
      return WalkResult::advance();
    name = named.getName().getValue();
    return WalkResult::interrupt();
  });
  return name;
}

//===----------------------------------------------------------------------===//
// Interface of a model
//===----------------------------------------------------------------------===//

/// `#rt.value` of an argument or result, with what the attributes leave out.
static ValueAttr makeValue(Type type, DictionaryAttr attributes,
                           const Twine &defaultName) {
  auto shaped = cast<ShapedType>(type);
  MLIRContext *context = type.getContext();
  auto get = [&](StringRef name) {
    return attributes ? attributes.get(name) : Attribute();
  };
  std::string name = defaultName.str();
  if (auto attr = dyn_cast_or_null<StringAttr>(get(RTDialect::nameAttrName)))
    name = attr.getValue().str();
  auto tensor =
      RankedTensorType::get(shaped.getShape(), shaped.getElementType());
  if (auto attr = dyn_cast_or_null<TypeAttr>(get(RTDialect::typeAttrName)))
    tensor = cast<RankedTensorType>(attr.getValue());
  auto dims = dyn_cast_or_null<ArrayAttr>(get(RTDialect::dimsAttrName));
  if (!dims)
    dims = ArrayAttr::get(
        context,
        SmallVector<Attribute>(shaped.getRank(), StringAttr::get(context, "")));
  return ValueAttr::get(context, name, tensor, dims);
}

SmallVector<ValueAttr> moe::rt::getInputs(FunctionOpInterface function) {
  SmallVector<ValueAttr> values;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    values.push_back(
        makeValue(type, function.getArgAttrDict(i), "arg" + Twine(i)));
  return values;
}

SmallVector<ValueAttr> moe::rt::getOutputs(FunctionOpInterface function) {
  SmallVector<ValueAttr> values;
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    values.push_back(
        makeValue(type, function.getResultAttrDict(i), "result" + Twine(i)));
  return values;
}

/// Whether generated code can take a value of this type from the runtime.
static bool isInterfaceType(Type type) {
  if (auto memref = dyn_cast<MemRefType>(type))
    return memref.getLayout().isIdentity() &&
           isElementType(memref.getElementType());
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isElementType(tensor.getElementType());
}

FunctionOpInterface moe::rt::getEntryFunction(ModuleOp module) {
  FunctionOpInterface entry;
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function.isExternal() || !function.isPublic())
      continue;
    if (entry) {
      InFlightDiagnostic diagnostic =
          function.emitOpError("is a second public function; a model has one");
      diagnostic.attachNote(entry.getLoc()) << "the first is here";
      return nullptr;
    }
    entry = function;
  }
  if (!entry) {
    module.emitError("expected a public function: the model's entry");
    return nullptr;
  }
  for (auto [what, types] : {std::pair("argument", entry.getArgumentTypes()),
                             std::pair("result", entry.getResultTypes())})
    for (auto [i, type] : llvm::enumerate(types))
      if (!isInterfaceType(type)) {
        entry.emitOpError("expected ")
            << what << " " << i
            << " of a model's entry to be a ranked tensor or contiguous memref "
               "of numbers, but it is "
            << type;
        return nullptr;
      }
  return entry;
}
