//===- LayerName.cpp - What a layer is called in messages -----------------===//
#include "LayerName.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace moe::raise;

/// Names of a location, outermost first.
static SmallVector<StringRef> getNames(Location location) {
  SmallVector<StringRef> names;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner))
      names.push_back(named.getName().getValue());
    return WalkResult::advance();
  });
  return names;
}

StringRef moe::raise::getNodeName(Location location) {
  SmallVector<StringRef> names = getNames(location);
  return names.empty() ? StringRef() : names.front();
}

/// The paths of the modules that a node is in, outermost first:
/// "['', 'layers.0', 'layers.0.moe', 'topk']" -> layers.0, layers.0.moe
/// "/layers.0/moe/TopK" -> layers.0, layers.0.moe
static SmallVector<std::string> getModules(Location location) {
  SmallVector<std::string> modules;
  SmallVector<StringRef> names = getNames(location);
  for (StringRef name : names) {
    if (!name.consume_front("[") || !name.consume_back("]"))
      continue;
    SmallVector<StringRef> parts;
    name.split(parts, ',');
    parts.pop_back();
    for (StringRef part : parts)
      if (StringRef path = part.trim(" '\""); !path.empty())
        modules.push_back(path.str());
    return modules;
  }
  if (names.empty() || !names.front().starts_with("/"))
    return modules;
  SmallVector<StringRef> parts;
  names.front().drop_front().split(parts, '/');
  parts.pop_back();
  for (StringRef part : parts)
    modules.push_back(modules.empty() ? part.str()
                                      : modules.back() + "." + part.str());
  return modules;
}

Location moe::raise::getLayerLocation(Location router, Location result) {
  SmallVector<std::string> ofRouter = getModules(router);
  SmallVector<std::string> ofResult = getModules(result);
  StringRef common;
  for (auto [a, b] : llvm::zip(ofRouter, ofResult)) {
    if (a != b)
      break;
    common = a;
  }
  if (common.empty())
    return result;
  return NameLoc::get(StringAttr::get(result.getContext(), common), result);
}
