//===- Schedules.h - What schedules can build -------------------*- C++ -*-===//
#ifndef MOE_DIALECT_MOE_IR_SCHEDULES_H
#define MOE_DIALECT_MOE_IR_SCHEDULES_H

#include "moe/Dialect/MoE/IR/MoE.h"

namespace moe {

/// Whether kernels on panels of `lanes` columns can read the columns of all
/// sums: those of each start with a panel and follow each other, or those of
/// two sums alternate in one matrix.
bool hasPanelColumns(GroupedMatmulOp op, int64_t lanes);

} // namespace moe

#endif // MOE_DIALECT_MOE_IR_SCHEDULES_H
