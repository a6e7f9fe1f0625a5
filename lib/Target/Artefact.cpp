//===- Artefact.cpp - From the llvm stage to files ------------------------===//
//
// Everything is made in a temporary folder beside the output and renamed into
// place at the end, so that a failure or a signal leaves nothing behind.
//
//===----------------------------------------------------------------------===//
#include "moe/Target/Artefact.h"

#include "Internal.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "moe/Target/ScratchFolder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace moe;

/// Writes `text` to `path`, or emits an error.
static LogicalResult writeText(Location loc, StringRef path, StringRef text) {
  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (!code) {
    out << text;
    out.close();
    code = out.error();
    out.clear_error();
  }
  if (code)
    return emitError(loc, "cannot write '") << path << "': " << code.message();
  return success();
}

LogicalResult moe::emitArtefact(ModuleOp module,
                                const ArtefactOptions &options) {
  Location loc = module.getLoc();
  auto entries = module.getOps<rt::EntryOp>();
  if (!llvm::hasSingleElement(entries))
    return module.emitError(
        "expected one rt.entry: lower to stage 'llvm' first");
  rt::EntryOp entry = *entries.begin();
  for (StringRef prefix : {"", "_mlir_ciface_"}) {
    std::string name = (prefix + entry.getFunction()).str();
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
    if (!function || function.isExternal())
      return entry.emitOpError("expected the function '") << name << "'";
  }

  SmallString<256> output(options.output);
  if (std::error_code code = llvm::sys::fs::make_absolute(output))
    return emitError(loc, "cannot find the folder of '")
           << options.output << "': " << code.message();
  SmallString<256> header(output);
  llvm::sys::path::replace_extension(header, "h");
  if (options.emit == Stage::Lib && header == output)
    return emitError(loc, "cannot write a library to '")
           << options.output << "': its header goes there";
  auto folder = ScratchFolder::create(llvm::sys::path::parent_path(output) +
                                      "/.moe-compile");
  if (!folder)
    return emitError(loc, "cannot write to the folder of '")
           << options.output << "': " << llvm::toString(folder.takeError());

  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(loc, options.targetCPU, options.optLevel);
  if (!machine)
    return failure();
  ArtefactOptions resolved = options;
  resolved.targetCPU = machine->getTargetCPU().str();

  // Files that make up the artefact: temporary name, final name.
  SmallVector<std::pair<std::string, std::string>> products;
  FailureOr<WeightsImage> image = layOutWeights(module, options);
  if (failed(image))
    return failure();
  std::string embeddedPath, weightsFile;
  if (!image->weights.empty() && image->mode != WeightsMode::Deferred) {
    std::string path = (*folder)->file("weights");
    if (failed(writeWeights(*image, options.modelDir, path)))
      return failure();
    if (image->mode == WeightsMode::Embed) {
      embeddedPath = path;
    } else {
      weightsFile = (llvm::sys::path::filename(output) + ".safetensors").str();
      products.push_back({path, (output + ".safetensors").str()});
    }
  }

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(module, context, *machine);
  if (!code)
    return failure();
  addModelDescriptor(*code, entry, *image, resolved,
                     getRequiredFeatures(*machine), embeddedPath, weightsFile);
  std::string object = (*folder)->file("model.o");
  if (failed(emitObject(loc, *code, *machine, options, object)))
    return failure();

  if (options.emit == Stage::Obj) {
    products.push_back({object, output.str().str()});
  } else {
    std::string linked = (*folder)->file("linked");
    if (failed(link(loc, object, options, linked)))
      return failure();
    products.push_back({linked, output.str().str()});
  }
  if (options.emit == Stage::Lib) {
    std::string text = makeHeader(entry, options);
    if (text.empty())
      return emitError(loc, "the compiler's runtime is incomplete: "
                            "'MoERuntime.h' is missing beside '")
             << options.runtimeDir << "'";
    if (failed(writeText(loc, (*folder)->file("header.h"), text)))
      return failure();
    products.push_back({(*folder)->file("header.h"), header.str().str()});
  }
  // Renaming would replace a device or a pipe by a file.
  for (const auto &[from, to] : products)
    if (llvm::sys::fs::exists(to) && !llvm::sys::fs::is_regular_file(to))
      return emitError(loc, "cannot write '") << to << "': not a regular file";
  for (const auto &[from, to] : products)
    if (std::error_code renamed = llvm::sys::fs::rename(from, to))
      return emitError(loc, "cannot write '")
             << to << "': " << renamed.message();
  return success();
}
