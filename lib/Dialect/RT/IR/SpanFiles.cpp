//===- SpanFiles.cpp - Where the files of spans may lie -------------------===//
//
// A model is untrusted input: nothing that it names is read outside of its own
// folder, whether it says so itself or a link does.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/RT/IR/RT.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace moe::rt;

/// The rest of the sentence "the file '...' ".
static llvm::Error phrase(const char *text) {
  return llvm::createStringError(text);
}

llvm::Expected<std::string> moe::rt::normalizeSpanFile(StringRef file) {
  if (file.empty() || file.contains('\0'))
    return phrase("is not a file name");
  if (llvm::sys::path::is_absolute(file))
    return phrase("is an absolute path; it must be relative to the model's "
                  "folder");
  SmallString<128> normal;
  for (StringRef part : llvm::make_range(llvm::sys::path::begin(file),
                                         llvm::sys::path::end(file))) {
    if (part == "..")
      return phrase("has '..'; it must stay in the model's folder");
    if (part != ".")
      llvm::sys::path::append(normal, part);
  }
  if (normal.empty())
    return phrase("is not a file name");
  return normal.str().str();
}

llvm::Expected<std::string> moe::rt::locateSpanFile(StringRef folder,
                                                    StringRef file) {
  llvm::Expected<std::string> normal = normalizeSpanFile(file);
  if (!normal)
    return normal.takeError();
  SmallString<128> inFolder(folder.empty() ? "." : folder), root, path;
  bool exists = !llvm::sys::fs::real_path(inFolder, root);
  llvm::sys::path::append(inFolder, *normal);
  exists = exists && !llvm::sys::fs::real_path(inFolder, path);
  if (!exists)
    return phrase("does not exist");
  if (root != "/")
    root += '/';
  if (!path.starts_with(root))
    return phrase("is or goes through a link that leaves the model's folder");
  return path.str().str();
}
