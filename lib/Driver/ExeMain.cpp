//===- ExeMain.cpp - main of compiled executables -------------------------===//
//
// The model is in the program: its functions are the linked ones.
//
//===----------------------------------------------------------------------===//
#include "moe/Driver/Driver.h"

moe::ModelFunctions moe::getLinkedModel() {
  return {moe_describe,      moe_create,  moe_run,       moe_get_layer_load,
          moe_get_step_time, moe_destroy, moe_last_error};
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
/// A run that asks for too much memory fails with a status; the sanitizer's
/// allocator must not end the process first.
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}
#endif
#endif

int main(int argc, char **argv) {
  return moe::runDriver(argc, argv, moe::getLinkedModel());
}
