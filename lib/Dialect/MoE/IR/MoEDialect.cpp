//===- MoEDialect.cpp - The moe dialect -----------------------------------===//
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;

#include "moe/Dialect/MoE/IR/MoEDialect.cpp.inc"

#include "moe/Dialect/MoE/IR/MoEEnums.cpp.inc"

#include "moe/Dialect/MoE/IR/MoEInterfaces.cpp.inc"

//===----------------------------------------------------------------------===//
// Custom parts of attributes
//===----------------------------------------------------------------------===//

/// `0.02`, `-0.0` or `0xFF800000`: an f32.
static ParseResult parseF32(AsmParser &parser, FloatAttr &value) {
  return parser.parseAttribute(value, parser.getBuilder().getF32Type());
}

static void printF32(AsmPrinter &printer, FloatAttr value) {
  printer.printAttributeWithoutType(value);
}

static ParseResult parseOptionalF32(AsmParser &parser, FloatAttr &value) {
  SMLoc loc = parser.getCurrentLocation();
  Attribute attr;
  OptionalParseResult result =
      parser.parseOptionalAttribute(attr, parser.getBuilder().getF32Type());
  if (!result.has_value())
    return success();
  if (failed(*result))
    return failure();
  value = dyn_cast<FloatAttr>(attr);
  if (!value)
    return parser.emitError(loc, "expected a float");
  return success();
}

static void printOptionalF32(AsmPrinter &printer, FloatAttr value) {
  if (!value)
    return;
  printer << " ";
  printF32(printer, value);
}

/// `ffn = 8, zero = 8`.
static ParseResult parseRuns(AsmParser &parser, SmallVector<ExpertRun> &runs) {
  auto parseRun = [&]() -> ParseResult {
    SMLoc loc = parser.getCurrentLocation();
    StringRef keyword;
    ExpertRun run;
    if (parser.parseKeyword(&keyword) || parser.parseEqual() ||
        parser.parseInteger(run.count))
      return failure();
    std::optional<ExpertKind> kind = symbolizeExpertKind(keyword);
    if (!kind)
      return parser.emitError(loc,
                              "expected ffn, zero, copy or constant, but got '")
             << keyword << "'";
    run.kind = *kind;
    runs.push_back(run);
    return success();
  };
  return parser.parseCommaSeparatedList(parseRun);
}

static void printRuns(AsmPrinter &printer, ArrayRef<ExpertRun> runs) {
  llvm::interleaveComma(runs, printer, [&](ExpertRun run) {
    printer << stringifyExpertKind(run.kind) << " = " << run.count;
  });
}

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/MoE/IR/MoEAttrs.cpp.inc"

void MoEDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "moe/Dialect/MoE/IR/MoEAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "moe/Dialect/MoE/IR/MoEOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Verifiers and members of attributes
//===----------------------------------------------------------------------===//

using EmitError = function_ref<InFlightDiagnostic()>;

int64_t TopKAttr::getNumSlots() const { return getK(); }
int64_t SparseMixerAttr::getNumSlots() const { return 2; }

LogicalResult TopKAttr::verify(EmitError emitError, int64_t k, Tie tie) {
  if (k < 1)
    return emitError() << "#moe.topk expects k >= 1, but got " << k;
  return success();
}

LogicalResult ColumnsAttr::verify(EmitError emitError, int64_t begin,
                                  int64_t end) {
  if (begin < 0 || end <= begin)
    return emitError() << "#moe.columns expects 0 <= begin < end, but got <"
                       << begin << ", " << end << ">";
  return success();
}

LogicalResult DenominatorAttr::verify(EmitError emitError, DenominatorKind kind,
                                      FloatAttr value) {
  bool needsValue =
      kind == DenominatorKind::Plus || kind == DenominatorKind::AtLeast;
  if (needsValue != static_cast<bool>(value))
    return emitError() << "#moe.denominator<" << stringifyDenominatorKind(kind)
                       << "> " << (needsValue ? "expects" : "does not take")
                       << " a value";
  return success();
}

LogicalResult GroupsAttr::verify(EmitError emitError, int64_t count,
                                 int64_t keep, GroupScore score,
                                 FloatAttr masked) {
  if (count < 1 || keep < 1 || keep > count)
    return emitError()
           << "#moe.groups expects 1 <= keep <= count, but got keep = " << keep
           << ", count = " << count;
  return success();
}

LogicalResult KindsAttr::verify(EmitError emitError, ArrayRef<ExpertRun> runs) {
  for (ExpertRun run : runs)
    if (run.count < 1)
      return emitError() << "#moe.kinds expects runs of at least 1 id, but got "
                         << stringifyExpertKind(run.kind) << " = " << run.count;
  return success();
}

int64_t KindsAttr::getNumIds() const {
  int64_t count = 0;
  for (ExpertRun run : getRuns())
    count += run.count;
  return count;
}

int64_t KindsAttr::getCount(ExpertKind kind) const {
  int64_t count = 0;
  for (ExpertRun run : getRuns())
    if (run.kind == kind)
      count += run.count;
  return count;
}

std::pair<ExpertKind, int64_t> KindsAttr::lookup(int64_t id) const {
  std::array<int64_t, getMaxEnumValForExpertKind() + 1> before{};
  for (ExpertRun run : getRuns()) {
    int64_t &position = before[static_cast<size_t>(run.kind)];
    if (id < run.count)
      return {run.kind, position + id};
    id -= run.count;
    position += run.count;
  }
  // Ids past the end do not occur in verified IR; they add nothing.
  return {ExpertKind::Zero, 0};
}

bool KindsAttr::isAllFFN() const {
  return llvm::all_of(
      getRuns(), [](ExpertRun run) { return run.kind == ExpertKind::FFN; });
}
