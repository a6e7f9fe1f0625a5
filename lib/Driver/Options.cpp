//===- Options.cpp - The parsed command line ------------------------------===//
//
// Every flag of `moe-run`, in one place. Executables have the same but for IN.
//
//===----------------------------------------------------------------------===//
#include "Options.h"

#include <CLI/CLI.hpp>
#include <iostream>

using namespace moe;

static void addFlags(CLI::App &app, CommandLine &line, bool opensModel) {
  if (opensModel)
    app.add_option(
        "IN", line.model,
        "Model: .onnx, .onnxtxt or .mlir, or a compiled library (.so)");
  app.add_flag("--help,-h", line.help,
               "Print the flags and the model's inputs, outputs and layers");
  app.add_option("--input", line.inputFiles,
                 "Input NAME from FILE.npy, or from array KEY of an .npz "
                 "(FILE.npz:KEY); once per input")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app.add_option("--inputs", line.inputsNpz,
                 "All inputs from an .npz, by name; by order if no name fits "
                 "and the counts do")
      ->type_name("FILE.npz");
  app.add_option("--output-dir", line.outputDir,
                 "Write each output to DIR/NAME.npy")
      ->type_name("DIR");
  app.add_option("--compare-with", line.compareWith,
                 std::string("Compare outputs with the arrays of an .npz, by "
                             "name or order, or with one of them "
                             "(FILE.npz:KEY)") +
                     (opensModel ? ", or with what onnxruntime computes" : ""))
      ->type_name(opensModel ? "FILE.npz|onnxruntime" : "FILE.npz");
  app.option_defaults()->always_capture_default();
  app.add_option("--atol", line.tolerance.absolute, "Absolute tolerance")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--rtol", line.tolerance.relative,
                 "Tolerance relative to the reference")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--repeat", line.repeat, "Timed runs")
      ->check(CLI::Range(1, 1 << 30));
  app.add_option("--warmup", line.warmup, "Runs before the timed ones")
      ->check(CLI::Range(0, 1 << 30));
  app.add_option("--threads", line.threads,
                 "Threads; 0: one per core this process may use")
      ->check(CLI::Range(0, 4096));
  app.add_option("--device", line.device, "Device to run on")
      ->check(CLI::IsMember({"cpu"}));
  app.option_defaults()->always_capture_default(false);
  app.add_option("--weights", line.weights,
                 "File or folder of the weights; default: beside the program")
      ->type_name("PATH");
  app.add_option("--report", line.reportFile,
                 "Write what was computed, compared and timed as JSON")
      ->type_name("FILE.json");
  app.add_flag("--profile", line.profile,
               std::string("Print the time of each step of the timed runs, and "
                           "how close it comes to what the machine can do") +
                   (opensModel ? ""
                               : "; needs moe-compile "
                                 "--instrument-profile"));
}

std::optional<CommandLine> moe::parseCommandLine(int argc, char **argv,
                                                 const DriverOptions &options,
                                                 std::string &helpText) {
  CommandLine line;
  bool opensModel = (bool)options.openModel;
  CLI::App app(options.description, argc > 0 ? argv[0] : "");
  app.set_help_flag(); // ours, because it needs the model
  addFlags(app, line, opensModel);
  try {
    app.parse(argc, argv);
    for (const std::string &input : line.inputFiles)
      if (input.find('=') == std::string::npos)
        throw CLI::ValidationError("--input",
                                   "expected NAME=FILE, got '" + input + "'");
    if (opensModel && line.model.empty() && !line.help)
      throw CLI::RequiredError("IN");
  } catch (const CLI::ParseError &error) {
    std::cerr << "error: " << error.what() << "\n"
              << "Run with --help for the flags.\n";
    return std::nullopt;
  }
  helpText = app.help();
  return line;
}
