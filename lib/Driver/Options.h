//===- Options.h - The parsed command line ----------------------*- C++ -*-===//
#ifndef MOE_LIB_DRIVER_OPTIONS_H
#define MOE_LIB_DRIVER_OPTIONS_H

#include "Compare.h"
#include "moe/Driver/Driver.h"

#include <optional>
#include <string>
#include <vector>

namespace moe {

struct CommandLine {
  std::string model; ///< IN; empty where the model is linked in
  std::vector<std::string> inputFiles; ///< NAME=FILE.npy
  std::string inputsNpz;
  std::string outputDir;
  std::string compareWith;
  Tolerance tolerance;
  int repeat = 1;
  int warmup = 0;
  int threads = 0;
  std::string device = "cpu";
  std::string weights;
  std::string reportFile;
  bool profile = false;
  bool help = false;
};

/// Parses the command line. On a wrong one, prints why and returns nothing.
/// `--help` is only recorded: it needs the model. `helpText` gets the text
/// about the flags.
std::optional<CommandLine> parseCommandLine(int argc, char **argv,
                                            const DriverOptions &options,
                                            std::string &helpText);

} // namespace moe

#endif // MOE_LIB_DRIVER_OPTIONS_H
