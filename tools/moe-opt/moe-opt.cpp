//===- moe-opt.cpp - Passes and pipelines on text -------------------------===//
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "moe/Conversion/Passes.h"
#include "moe/InitAll.h"

#ifdef MOE_INCLUDE_TESTS
namespace moe::test {
void registerTestSymbolicDimsPass();
void registerTestWrongRaisePass();
} // namespace moe::test
#endif

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  moe::registerAllDialects(registry);
  moe::registerAllPasses();
#ifdef MOE_INCLUDE_TESTS
  moe::test::registerTestSymbolicDimsPass();
  moe::test::registerTestWrongRaisePass();
#endif
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "moe-mlir optimiser driver\n", registry));
}
