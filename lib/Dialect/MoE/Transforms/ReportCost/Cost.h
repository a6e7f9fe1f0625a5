//===- Cost.h - What a model's tokens cost ----------------------*- C++ -*-===//
//
// Shared by the parts of `moe-report-cost`: what is found in the IR, and how it
// is told as a function of load, batch and context.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_REPORTCOST_COST_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_REPORTCOST_COST_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace moe {

/// One MoE layer. FLOPs are two per product; numbers are of one expert where
/// they say so.
struct LayerCost {
  std::string name;
  int64_t experts = 0;
  int64_t nullExperts = 0;
  int64_t slots = 0;
  int64_t parametersOfExpert = 0;
  int64_t bytesOfExpert = 0;
  /// Per token.
  int64_t flopsOfExpert = 0;
  /// Rows that its products read and write, per token.
  int64_t trafficOfExpert = 0;
  /// Of the router, per token; 0 where it is not found.
  int64_t nullColumnFlops = 0;

  /// Experts that a batch touches, expected: routing is uniform, and each token
  /// takes `load` different ones.
  double getTouchedExperts(double load, int64_t tokens) const;
};

/// Products whose number per token grows with the context.
struct ContextTerm {
  int64_t coefficient; ///< FLOPs per token
  unsigned degree;     ///< of the context's length
};

/// Products whose number is no multiple of the number of tokens.
struct UncountedOp {
  std::string node;
  std::string flops; ///< per run
};

struct ModelCost {
  /// "batch*sequence"
  std::string tokens;
  llvm::SmallVector<LayerCost> layers;
  /// Outside of experts. Bytes without weights that only gathers read.
  int64_t otherParameters = 0;
  int64_t otherBytes = 0;
  int64_t otherFlops = 0;
  int64_t otherTraffic = 0;
  int64_t gatheredBytes = 0; ///< per token
  llvm::SmallVector<ContextTerm> scores;
  llvm::SmallVector<UncountedOp> uncounted;
};

/// What the options of the pass ask for.
struct CostQuery {
  llvm::SmallVector<double> loads;
  llvm::SmallVector<int64_t> tokens;
  /// Experts per token of the model compared with, which has no null experts;
  /// 0: this model with all slots used.
  double baseline = 0;
  /// 0: attention scores are not counted.
  int64_t context = 0;
};

/// The cost of a function, as functions of what a query fixes.
class CostModel {
public:
  CostModel(const ModelCost &cost, const CostQuery &query)
      : cost(cost), query(query) {}

  int64_t getExpertParameters() const;
  int64_t getParameters() const;
  /// Of all layers at load 1, per token.
  int64_t getExpertFlops() const;
  /// With every expert, as dense masking has it.
  int64_t getDenseExpertFlops() const;
  int64_t getNullColumnFlops() const;
  /// Attention scores at the context asked for.
  int64_t getScoreFlops() const;
  /// All but experts.
  int64_t getOtherFlops() const;
  double getFlops(double load) const;
  double getBaselineExpertFlops() const;
  double getBaselineFlops() const;
  /// Of the baseline's FLOPs, in [0, 1].
  double getReduction(double load) const;
  double getActiveParameters(double load) const;
  /// Of one run of so many tokens.
  double getWeightBytes(double load, int64_t tokens) const;
  double getActivationBytes(double load, int64_t tokens) const;

  const ModelCost &getCost() const { return cost; }
  const CostQuery &getQuery() const { return query; }

private:
  const ModelCost &cost;
  const CostQuery &query;
};

/// Finds the cost of a function of onnx ops and layers.
ModelCost collectCost(mlir::FunctionOpInterface function);

void printCost(const CostModel &model, llvm::raw_ostream &out);
void printCostAsJson(const CostModel &model, llvm::raw_ostream &out);

} // namespace moe

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_REPORTCOST_COST_H
