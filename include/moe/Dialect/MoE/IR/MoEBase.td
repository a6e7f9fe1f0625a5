//===- MoEBase.td - The moe dialect and its types ----------*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_IR_MOEBASE_TD
#define MOE_DIALECT_MOE_IR_MOEBASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonTypeConstraints.td"

def MoE_Dialect : Dialect {
  let name = "moe";
  let cppNamespace = "::moe";
  let summary = "Routing, experts, and the kernels that they lower to";
  let description = [{
    A Mixture-of-Experts layer is two ops: `moe.route` selects, `moe.experts`
    computes. Tokens are rows. In shapes, `T` is the number of tokens, `N` of
    router columns, `E` of true experts, `k` of slots per token, `H` the hidden
    and `I` the inner size.

    A slot is a pair of an id and a weight. The id -1 means no slot: a null
    expert, a masked or dropped one. Such a slot costs nothing and adds nothing.

    Counts stay data: what depends on how many rows an expert gets is a value,
    never a shape.

    Level 1 (stages `moe`, `moe-opt`) is `moe.route`, `moe.experts`,
    `moe.slot_sum` and `moe.renumber` on tensors; `moe.candidate` holds a layer
    beside the graph that it was found in until a proof decides. Level 2
    (stages `tensor` to `buffers`) is `moe.gate`, `moe.dispatch`,
    `moe.grouped_matmul` and `moe.combine`, on tensors or memrefs.
  }];
  let useDefaultAttributePrinterParser = 1;
}

/// Element types of what a layer computes with.
def MoE_Float : AnyTypeOf<[F16, BF16, F32, F64], "float">;

def MoE_FloatMatrix : RankedTensorOf<[MoE_Float], [HasAnyRankOfPred<[2]>],
                                     "matrix of floats">;
def MoE_FloatVector : RankedTensorOf<[MoE_Float], [HasAnyRankOfPred<[1]>],
                                     "vector of floats">;
def MoE_IdMatrix : RankedTensorOf<[I32], [HasAnyRankOfPred<[2]>],
                                  "matrix of i32 ids">;
def MoE_FloatTensor : RankedTensorOf<[MoE_Float]>;

class MoE_Op<string mnemonic, list<Trait> traits = []>
    : Op<MoE_Dialect, mnemonic, traits>;

#endif // MOE_DIALECT_MOE_IR_MOEBASE_TD
