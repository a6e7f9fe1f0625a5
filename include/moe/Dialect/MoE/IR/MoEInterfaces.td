//===- MoEInterfaces.td - Selections and schedules ---*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_IR_MOEINTERFACES_TD
#define MOE_DIALECT_MOE_IR_MOEINTERFACES_TD

include "mlir/IR/OpBase.td"

def MoE_SelectAttrInterface : AttrInterface<"SelectAttrInterface"> {
  let cppNamespace = "::moe";
  let description = [{
    How a row of scores becomes slots: the attribute `select` of `moe.route`.
  }];
  let methods = [
    InterfaceMethod<"The number of slots per token, k", "int64_t",
                    "getNumSlots">,
  ];
}

def MoE_ScheduleAttrInterface : AttrInterface<"ScheduleAttrInterface"> {
  let cppNamespace = "::moe";
  let description = [{
    How a kernel is built for a machine: the attribute `schedule` of
    `moe.grouped_matmul`. It says how, never what: results differ by the order of
    sums at most.
  }];
  let methods = [
    InterfaceMethod<[{
        Whether a kernel can be built so for the op; an error of the op if not.
      }],
      "::llvm::LogicalResult", "verifySchedule", (ins "::mlir::Operation *":$op)>
  ];
}

#endif // MOE_DIALECT_MOE_IR_MOEINTERFACES_TD
