//===- TargetMachineTest.cpp - What code requires of a CPU ----------------===//
#include "Internal.h"
#include "TestModel.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"

using namespace moe;

namespace {
/// The machines of x86-64 CPUs that LLVM knows.
class TargetMachine : public testing::Test {
protected:
  std::unique_ptr<llvm::TargetMachine> create(llvm::StringRef cpu) {
    return createTargetMachine(mlir::UnknownLoc::get(&context), cpu,
                               /*optLevel=*/0);
  }

  void SetUp() override {
    machine = create("native");
    ASSERT_TRUE(machine);
    if (!machine->getTargetTriple().isX86())
      GTEST_SKIP() << "the names of features are x86's";
  }

  std::vector<std::string> getCPUs() const {
    std::vector<std::string> names;
    for (const auto &cpu :
         machine->getMCSubtargetInfo()->getAllProcessorDescriptions())
      if (isOf64Bits(cpu.Key))
        names.push_back(cpu.Key);
    return names;
  }

  /// Features of a CPU as LLVM has it, and as we generate code for it.
  llvm::StringSet<> getAll(llvm::StringRef cpu) const {
    return collect(*makeSubtarget(cpu));
  }
  llvm::StringSet<> getUsed(llvm::StringRef cpu) {
    return collect(*create(cpu)->getMCSubtargetInfo());
  }

private:
  std::unique_ptr<llvm::MCSubtargetInfo>
  makeSubtarget(llvm::StringRef cpu) const {
    return std::unique_ptr<llvm::MCSubtargetInfo>(
        machine->getTarget().createMCSubtargetInfo(machine->getTargetTriple(),
                                                   cpu, ""));
  }
  bool isOf64Bits(llvm::StringRef cpu) const {
    return makeSubtarget(cpu)->checkFeatures("+64bit");
  }
  static llvm::StringSet<> collect(const llvm::MCSubtargetInfo &subtarget) {
    llvm::StringSet<> names;
    for (const auto &feature : subtarget.getEnabledProcessorFeatures())
      names.insert(feature.Key);
    return names;
  }

  mlir::MLIRContext context;
  std::unique_ptr<llvm::TargetMachine> machine;
};

TEST_F(TargetMachine, goes_without_what_virtual_machines_hide) {
  llvm::StringSet<> used = getUsed("znver3");
  for (const char *feature : {"avx2", "fma", "f16c", "bmi2", "lzcnt", "movbe"})
    EXPECT_TRUE(used.contains(feature)) << feature;
  for (const char *feature : {"mwaitx", "sse4a", "clzero", "wbnoinvd", "rdpru",
                              "clwb", "pku", "shstk", "xsaves", "vaes"})
    EXPECT_FALSE(used.contains(feature)) << feature;
}

/// What a feature implies goes with it: no vector instructions may.
TEST_F(TargetMachine, keeps_what_computes) {
  for (const std::string &cpu : getCPUs()) {
    llvm::StringSet<> used = getUsed(cpu);
    for (const auto &entry : getAll(cpu)) {
      llvm::StringRef feature = entry.getKey();
      for (const char *prefix :
           {"64bit", "avx", "bmi", "cmpccxadd", "cx16", "egpr", "f16c", "gfni",
            "lzcnt", "movbe", "popcnt", "ssse3", "tbm"})
        if (feature.starts_with(prefix) || feature == "fma")
          EXPECT_TRUE(used.contains(feature)) << cpu << ": " << feature.str();
    }
  }
}

TEST_F(TargetMachine, requires_what_the_runtime_can_check) {
  llvm::StringSet<> seen;
  for (const std::string &cpu : getCPUs())
    for (const auto &entry : getUsed(cpu)) {
      std::string feature = "+" + entry.getKey().str();
      if (!seen.insert(feature).second)
        continue;
      moe_model_desc model = moe_model_descriptor;
      model.target_features = feature.c_str();
      test::Context created(model);
      if (created.status == MOE_OK)
        continue;
      std::string message = moe_last_error(nullptr);
      EXPECT_NE(message.find("lacks the instruction set"), std::string::npos)
          << cpu << ": " << message;
    }
  EXPECT_GT(seen.size(), 50u);
}
} // namespace
