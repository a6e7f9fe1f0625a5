//===- Recipe.cpp - Makes finished weights --------------------------------===//
//
// The steps are the runtime's: the bytes are those that a deferred load makes.
//
//===----------------------------------------------------------------------===//
#include "moe/Target/Recipe.h"

#include "Internal.h"

#include "moe/Runtime/MoEModelABI.h"

#include <array>
#include <list>

using namespace mlir;
using namespace moe;

namespace {
/// The C form of a weight's spans and recipe; owns the arrays it points to.
struct RecipeDescription {
  explicit RecipeDescription(rt::WeightOp op) {
    for (auto span : op.getSource().getAsRange<rt::SpanAttr>()) {
      DType dtype = getDType(span.getType().getElementType());
      files.push_back(span.getFile().str());
      spans.push_back({files.back().c_str(), span.getOffset(), span.getLength(),
                       span.getHash(), dtype.code, dtype.bits,
                       span.getType().getRank(),
                       span.getType().getShape().data()});
    }
    for (Attribute step : op.getRecipe()) {
      if (isa<rt::StackAttr>(step)) {
        steps.push_back({MOE_RECIPE_STACK, 0, nullptr});
      } else if (auto transpose = dyn_cast<rt::TransposeAttr>(step)) {
        ArrayRef<int64_t> permutation = transpose.getPermutation();
        steps.push_back({MOE_RECIPE_TRANSPOSE,
                         static_cast<int32_t>(permutation.size()),
                         permutation.data()});
      } else if (auto cast = dyn_cast<rt::CastAttr>(step)) {
        DType dtype = getDType(cast.getElementType());
        pairs.push_back({dtype.code, dtype.bits});
        steps.push_back({MOE_RECIPE_CAST, 2, pairs.back().data()});
      } else if (auto pack = dyn_cast<rt::PackAttr>(step)) {
        pairs.push_back({pack.getWidth(), pack.getPairs()});
        steps.push_back({MOE_RECIPE_PACK, 2, pairs.back().data()});
      }
    }
  }

  SmallVector<moe_span_desc> spans;
  SmallVector<moe_recipe_step> steps;

private:
  // Lists: what is pointed to stays where it is.
  std::list<std::string> files;
  std::list<std::array<int64_t, 2>> pairs;
};
} // namespace

LogicalResult moe::executeRecipe(rt::WeightOp op, ArrayRef<const void *> spans,
                                 MutableArrayRef<char> out) {
  RecipeDescription recipe(op);
  char message[256];
  if (moe_rt_execute_recipe(recipe.spans.data(), spans.data(), spans.size(),
                            recipe.steps.data(), recipe.steps.size(),
                            out.data(), out.size(), message,
                            sizeof(message)) != MOE_OK)
    return op.emitOpError("its recipe failed: ") << message;
  return success();
}
