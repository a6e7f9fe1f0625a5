//===- ModelDescriptor.cpp - What the runtime reads of a model ------------===//
//
// Builds the constant `moe_model_descriptor` of MoEModelABI.h and the entry
// `moe_entry` that it points to. Field order follows that header.
//
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include "moe/Runtime/MoEModelABI.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace moe;

namespace {
/// Makes constants of C's types in an LLVM module.
class ConstantBuilder {
public:
  explicit ConstantBuilder(llvm::Module &module)
      : module(module), context(module.getContext()),
        pointer(llvm::PointerType::get(context, 0)) {}

  llvm::Constant *i32(int64_t value) {
    return llvm::ConstantInt::getSigned(llvm::Type::getInt32Ty(context), value);
  }
  llvm::Constant *i64(uint64_t value) {
    return llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), value);
  }
  llvm::Constant *null() { return llvm::ConstantPointerNull::get(pointer); }

  /// A pointer to a private constant.
  llvm::Constant *pointerTo(llvm::Constant *value) {
    return new llvm::GlobalVariable(module, value->getType(),
                                    /*isConstant=*/true,
                                    llvm::GlobalValue::PrivateLinkage, value);
  }
  llvm::Constant *string(StringRef text) {
    return pointerTo(llvm::ConstantDataArray::getString(context, text));
  }
  llvm::Constant *structure(ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(fields);
  }
  /// A pointer to the first of `elements`, all of one type; null for none.
  llvm::Constant *array(ArrayRef<llvm::Constant *> elements) {
    if (elements.empty())
      return null();
    return pointerTo(llvm::ConstantArray::get(
        llvm::ArrayType::get(elements.front()->getType(), elements.size()),
        elements));
  }
  llvm::Constant *ints(ArrayRef<int64_t> values) {
    return array(
        llvm::map_to_vector(values, [&](int64_t value) { return i64(value); }));
  }

  /// moe_value_desc
  llvm::Constant *value(rt::ValueAttr value) {
    RankedTensorType type = value.getType();
    DType dtype = getDType(type.getElementType());
    SmallVector<int64_t> dims;
    for (int64_t dim : type.getShape())
      dims.push_back(ShapedType::isDynamic(dim) ? -1 : dim);
    SmallVector<llvm::Constant *> names;
    for (auto name : value.getDimNames().getAsRange<StringAttr>())
      names.push_back(string(name.getValue()));
    return structure({string(value.getName()), i32(dtype.code), i32(dtype.bits),
                      i64(type.getRank()), ints(dims), array(names)});
  }

  /// moe_span_desc
  llvm::Constant *span(rt::SpanAttr span) {
    DType dtype = getDType(span.getType().getElementType());
    return structure(
        {string(span.getFile()), i64(span.getOffset()), i64(span.getLength()),
         i64(span.getHash()), i32(dtype.code), i32(dtype.bits),
         i64(span.getType().getRank()), ints(span.getType().getShape())});
  }

  /// moe_recipe_step
  llvm::Constant *step(Attribute attribute) {
    int32_t kind = MOE_RECIPE_STACK;
    SmallVector<int64_t> arguments;
    if (auto transpose = dyn_cast<rt::TransposeAttr>(attribute)) {
      kind = MOE_RECIPE_TRANSPOSE;
      llvm::append_range(arguments, transpose.getPermutation());
    } else if (auto cast = dyn_cast<rt::CastAttr>(attribute)) {
      kind = MOE_RECIPE_CAST;
      DType dtype = getDType(cast.getElementType());
      arguments = {dtype.code, dtype.bits};
    } else if (auto pack = dyn_cast<rt::PackAttr>(attribute)) {
      kind = MOE_RECIPE_PACK;
      arguments = {pack.getWidth(), pack.getPairs()};
    }
    return structure({i32(kind), i32(arguments.size()), ints(arguments)});
  }

  /// moe_layer_desc
  llvm::Constant *layer(rt::LayerOp layer,
                        const llvm::StringMap<int64_t> &firstCounters) {
    auto first = firstCounters.find(layer.getSymName());
    return structure({string(layer.getSymName()), i64(layer.getExperts()),
                      i64(layer.getNullExperts()), i64(layer.getSlots()),
                      i64(first == firstCounters.end() ? -1 : first->second)});
  }

  /// moe_timer_desc
  llvm::Constant *timer(rt::TimerOp timer,
                        const llvm::StringMap<int64_t> &layers) {
    std::optional<StringRef> layer = timer.getLayer();
    return structure({string(timer.getNode()),
                      string(rt::stringifyComputation(timer.getComputation())),
                      i64(layer ? layers.lookup(*layer) : -1)});
  }

  /// moe_weight_desc
  llvm::Constant *weight(const PlacedWeight &weight, WeightsMode mode) {
    rt::WeightOp op = weight.op;
    SmallVector<llvm::Constant *> spans, steps;
    if (mode == WeightsMode::Deferred) {
      for (auto attr : op.getSource().getAsRange<rt::SpanAttr>())
        spans.push_back(span(attr));
      for (Attribute attr : op.getRecipe())
        steps.push_back(step(attr));
    }
    return structure({string(op.getSymName()), i64(weight.size),
                      i64(weight.offset), i64(weight.hash), i64(spans.size()),
                      array(spans), i64(steps.size()), array(steps)});
  }

private:
  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
};
} // namespace

/// One input or output in JSON: dims are numbers, names, or null.
static llvm::json::Object describeValue(rt::ValueAttr value) {
  llvm::json::Array dims;
  for (auto [dim, name] :
       llvm::zip(value.getType().getShape(), value.getDimNames())) {
    StringRef text = cast<StringAttr>(name).getValue();
    if (!ShapedType::isDynamic(dim))
      dims.push_back(dim);
    else if (!text.empty())
      dims.push_back(text);
    else
      dims.push_back(nullptr);
  }
  return llvm::json::Object{
      {"name", value.getName()},
      {"dtype", getDTypeName(value.getType().getElementType())},
      {"dims", std::move(dims)}};
}

// rt.count adds to the cells that the runtime reads.
static_assert(static_cast<int>(rt::Counter::Tokens) == MOE_COUNT_TOKENS &&
              static_cast<int>(rt::Counter::ExpertFlops) ==
                  MOE_COUNT_EXPERT_FLOPS &&
              static_cast<int>(rt::Counter::ExpertSlots) ==
                  MOE_COUNT_EXPERT_SLOTS);

static std::string describe(rt::EntryOp entry, const WeightsImage &image,
                            const ArtefactOptions &options, StringRef cpu) {
  llvm::json::Array inputs, outputs, layers;
  auto module = entry->getParentOfType<ModuleOp>();
  auto timers = module.getOps<rt::TimerOp>();
  for (auto layer : module.getOps<rt::LayerOp>())
    layers.push_back(
        llvm::json::Object{{"name", llvm::json::fixUTF8(layer.getSymName())},
                           {"experts", int64_t(layer.getExperts())},
                           {"null_experts", int64_t(layer.getNullExperts())},
                           {"slots", int64_t(layer.getSlots())},
                           {"counted", layer.getCounted()}});
  for (auto value : entry.getInputs().getAsRange<rt::ValueAttr>())
    inputs.push_back(describeValue(value));
  for (auto value : entry.getOutputs().getAsRange<rt::ValueAttr>())
    outputs.push_back(describeValue(value));
  static constexpr StringLiteral modes[] = {"embed", "beside", "deferred"};
  llvm::json::Object json{
      {"name", options.modelName},
      {"inputs", std::move(inputs)},
      {"outputs", std::move(outputs)},
      {"moe_layers", std::move(layers)},
      {"timed_steps", int64_t(std::distance(timers.begin(), timers.end()))},
      {"target_cpu", cpu},
      {"weights",
       llvm::json::Object{{"mode", modes[static_cast<int>(image.mode)]},
                          {"count", int64_t(image.weights.size())},
                          {"bytes", int64_t(image.size)}}}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(json));
  return text;
}

/// void moe_entry(void *results, void **inputs): calls the C wrapper of the
/// model's function with one pointer per descriptor, and hides all else.
static llvm::Function *addEntry(llvm::Module &module, rt::EntryOp entry) {
  llvm::LLVMContext &context = module.getContext();
  // `main` would be taken for the program's.
  llvm::Function *code = module.getFunction(entry.getFunction());
  llvm::Function *wrapper =
      module.getFunction(("_mlir_ciface_" + entry.getFunction()).str());
  code->setName("moe_model_function");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Kernels were outlined so that LLVM sees small functions.
    if (&function != code && &function != wrapper)
      function.addFnAttr(llvm::Attribute::NoInline);
  }

  auto *pointer = llvm::PointerType::get(context, 0);
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                              {pointer, pointer}, /*isVarArg=*/false),
      llvm::GlobalValue::InternalLinkage, "moe_entry", module);
  llvm::IRBuilder<> builder(
      llvm::BasicBlock::Create(context, "entry", function));
  SmallVector<llvm::Value *> arguments;
  if (!entry.getOutputs().empty())
    arguments.push_back(function->getArg(0));
  for (unsigned i = 0, e = entry.getInputs().size(); i < e; ++i)
    arguments.push_back(builder.CreateLoad(
        pointer, builder.CreateConstGEP1_64(pointer, function->getArg(1), i)));
  builder.CreateCall(wrapper, arguments);
  builder.CreateRetVoid();
  return function;
}

void moe::addModelDescriptor(llvm::Module &module, rt::EntryOp entry,
                             const WeightsImage &image,
                             const ArtefactOptions &options, StringRef features,
                             StringRef embeddedPath, StringRef weightsFile) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Function *function = addEntry(module, entry);
  StringRef cpu = options.targetCPU;

  ConstantBuilder build(module);
  SmallVector<llvm::Constant *> inputs, outputs, weights;
  for (auto value : entry.getInputs().getAsRange<rt::ValueAttr>())
    inputs.push_back(build.value(value));
  for (auto value : entry.getOutputs().getAsRange<rt::ValueAttr>())
    outputs.push_back(build.value(value));
  for (const PlacedWeight &weight : image.weights)
    weights.push_back(build.weight(weight, image.mode));

  auto moduleOp = entry->getParentOfType<ModuleOp>();
  llvm::StringMap<int64_t> firstCounters = rt::getFirstCounters(moduleOp);
  SmallVector<llvm::Constant *> layers, timers;
  llvm::StringMap<int64_t> layerNumbers;
  int64_t numCounters = 0;
  for (auto layer : moduleOp.getOps<rt::LayerOp>()) {
    layerNumbers[layer.getSymName()] = layers.size();
    layers.push_back(build.layer(layer, firstCounters));
    if (layer.getCounted())
      numCounters += MOE_COUNT_EXPERT_SLOTS + int64_t(layer.getExperts());
  }

  for (auto timer : moduleOp.getOps<rt::TimerOp>())
    timers.push_back(build.timer(timer, layerNumbers));

  llvm::Constant *embedded = build.null();
  if (!embeddedPath.empty()) {
    // The assembler copies the file: megabytes never pass through the IR.
    std::string quoted;
    for (char c : embeddedPath) {
      if (c == '"' || c == '\\')
        quoted.push_back('\\');
      quoted.push_back(c);
    }
    module.appendModuleInlineAsm(
        ".section .rodata.moe_weights,\"a\",@progbits\n"
        ".p2align 12\n"
        ".hidden moe_model_weights\n"
        ".globl moe_model_weights\n"
        "moe_model_weights:\n"
        ".incbin \"" +
        quoted + "\"\n.previous\n");
    auto *data = new llvm::GlobalVariable(
        module, llvm::Type::getInt8Ty(context), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, nullptr, "moe_model_weights");
    data->setVisibility(llvm::GlobalValue::HiddenVisibility);
    embedded = data;
  }
  int32_t kind = image.mode == WeightsMode::Embed    ? MOE_WEIGHTS_EMBEDDED
                 : image.mode == WeightsMode::Beside ? MOE_WEIGHTS_BESIDE
                                                     : MOE_WEIGHTS_DEFERRED;
  llvm::Constant *descriptor = build.structure(
      {build.i32(MOE_ABI_VERSION),
       build.i32(sizeof(moe_model_desc)),
       build.string(describe(entry, image, options, cpu)),
       build.string(cpu),
       build.string(features),
       function,
       build.i64(inputs.size()),
       build.array(inputs),
       build.i64(outputs.size()),
       build.array(outputs),
       build.i64(weights.size()),
       build.array(weights),
       build.i32(kind),
       weightsFile.empty() ? build.null() : build.string(weightsFile),
       build.i64(image.size),
       embedded,
       build.i64(layers.size()),
       build.array(layers),
       build.i64(numCounters),
       build.i64(timers.size()),
       build.array(timers)});
  auto *global = new llvm::GlobalVariable(
      module, descriptor->getType(), /*isConstant=*/true,
      llvm::GlobalValue::ExternalLinkage, descriptor, "moe_model_descriptor");
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
}
