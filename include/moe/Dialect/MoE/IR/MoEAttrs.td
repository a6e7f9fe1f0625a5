//===- MoEAttrs.td - Attributes of layers and kernels ------*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_IR_MOEATTRS_TD
#define MOE_DIALECT_MOE_IR_MOEATTRS_TD

include "moe/Dialect/MoE/IR/MoEEnums.td"
include "moe/Dialect/MoE/IR/MoEInterfaces.td"

class MoE_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<MoE_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def MoE_TopKAttr : MoE_Attr<"TopK", "topk",
    [DeclareAttrInterfaceMethods<MoE_SelectAttrInterface>]> {
  let summary = "The k greatest scores of a row, greatest first";
  let description = [{
    NaN is greater than every number and equal to NaN, as in `onnx.TopK`. Of
    equal scores the one with the lowest (or highest) index stands first.

    Example: `#moe.topk<2>`, `#moe.topk<2, tie = highest_index>`.
  }];
  let parameters = (ins "int64_t":$k,
      DefaultValuedParameter<"::moe::Tie", "::moe::Tie::LowestIndex">:$tie);
  let assemblyFormat = "`<` $k (`,` `tie` `=` $tie^)? `>`";
  let genVerifyDecl = 1;
}

def MoE_SparseMixerAttr : MoE_Attr<"SparseMixer", "sparse_mixer",
    [DeclareAttrInterfaceMethods<MoE_SelectAttrInterface>]> {
  let summary = "SparseMixer's two rounds of masked softmax (GRIN, PhiMoE)";
  let description = [{
    Two slots. Round 1: e1 = argmax z; columns j with
    (z_e1 - z_j) / max(|z_j|, z_e1) > threshold become -inf; the weight is the
    softmax of the rest at e1. Round 2: the same with column e1 set to -inf
    beforehand, |z_j| and z_j of the difference being those of the unmasked
    scores. The two weights do not sum to 1. Of equal maxima the lowest index
    wins; the first NaN is a maximum, as in `onnx.ArgMax`.

    Source: PhiMoE's `sparsemixer` in evaluation; threshold is 2 epsilon.

    Example: `#moe.sparse_mixer<threshold = 2.0e-02>`.
  }];
  let parameters = (ins "::mlir::FloatAttr":$threshold);
  let assemblyFormat = "`<` `threshold` `=` custom<F32>($threshold) `>`";
}

def MoE_ColumnsAttr : MoE_Attr<"Columns", "columns"> {
  let summary = "The router columns [begin, end)";
  let description = "Example: `#moe.columns<0, 8>`.";
  let parameters = (ins "int64_t":$begin, "int64_t":$end);
  let assemblyFormat = "`<` $begin `,` $end `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getCount() const { return getEnd() - getBegin(); }
    bool contains(int64_t column) const {
      return column >= getBegin() && column < getEnd();
    }
  }];
}

def MoE_DenominatorAttr : MoE_Attr<"Denominator", "denominator"> {
  let summary = "What a normalisation divides by, given a sum d of weights";
  let description = [{
    `plain`: d; `zero_as_one`: 1 where d is 0 (AdaMoE); `plus<v>`: d + v
    (DeepSeek-V3); `at_least<v>`: max(d, v) (Ernie 4.5).

    Example: `#moe.denominator<zero_as_one>`, `#moe.denominator<plus 1.0e-20>`.
  }];
  let parameters = (ins "::moe::DenominatorKind":$kind,
      OptionalParameter<"::mlir::FloatAttr">:$value);
  let assemblyFormat = "`<` $kind `` custom<OptionalF32>($value) `>`";
  let genVerifyDecl = 1;
}

def MoE_GroupsAttr : MoE_Attr<"Groups", "groups"> {
  let summary = "Group-limited selection (DeepSeek-V2, V3)";
  let description = [{
    The columns are `count` equal runs. A group's score is the greatest or the
    sum of the two greatest of its columns' selection scores; the `keep` groups
    with the greatest scores stay (of equal ones the lower), the others'
    selection scores become `masked`.

    Example:
    `#moe.groups<count = 4, keep = 2, score = sum_top2, masked = 0.0>`.
  }];
  let parameters = (ins "int64_t":$count, "int64_t":$keep,
      "::moe::GroupScore":$score, "::mlir::FloatAttr":$masked);
  let assemblyFormat = [{
    `<` `count` `=` $count `,` `keep` `=` $keep `,` `score` `=` $score `,`
        `masked` `=` custom<F32>($masked) `>`
  }];
  let genVerifyDecl = 1;
}

def MoE_KindsAttr : MoE_Attr<"Kinds", "kinds"> {
  let summary = "What each id of `moe.experts` stands for, as runs in order";
  let description = [{
    Example: `#moe.kinds<ffn = 8, zero = 8>`: ids 0..7 are experts with weights,
    ids 8..15 add nothing.
  }];
  let parameters = (ins ArrayRefParameter<"::moe::ExpertRun">:$runs);
  let assemblyFormat = "`<` custom<Runs>($runs) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Ids of all kinds together, or of one.
    int64_t getNumIds() const;
    int64_t getCount(::moe::ExpertKind kind) const;
    /// The kind of an id, and its position among the ids of that kind.
    std::pair<::moe::ExpertKind, int64_t> lookup(int64_t id) const;
    /// Whether only experts with weights are left.
    bool isAllFFN() const;
  }];
}

def MoE_CPUScheduleAttr : MoE_Attr<"CPUSchedule", "cpu_schedule",
    [DeclareAttrInterfaceMethods<MoE_ScheduleAttrInterface>]> {
  let summary = "How a grouped matmul runs on a CPU";
  let description = [{
    * `lanes`: f32 elements of a vector register, and columns of a panel of
      weights;
    * `rows`, `vectors`: the tile of sums that stays in registers;
    * `row_block`: rows that are copied together and stay in the second cache;
    * `k_block`: products between two visits of a sum in the first cache;
    * `stream_rows`, `stream_vectors`: up to so many rows of an expert take the
      streaming form, with so many vectors of sums per row;
    * `k_step`: products that a sum takes at once, 1 where it is absent. With 2
      rows are rounded to bf16, and the CPU's dot product (AVX512_BF16) adds two
      products of bf16 to a sum of f32; subnormal numbers count as 0. Weights are
      of bf16 then, in panels of pairs (`#rt.pack<w, pairs = 2>`).

    Each sum takes its products in the order of k, whatever the schedule: a row
    has the same bits alone and in any batch.

    Example: `#moe.cpu_schedule<lanes = 16, rows = 12, vectors = 2,
    row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>`.
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$rows, "int64_t":$vectors,
      "int64_t":$row_block, "int64_t":$k_block, "int64_t":$stream_rows,
      "int64_t":$stream_vectors,
      DefaultValuedParameter<"int64_t", "1">:$k_step);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // MOE_DIALECT_MOE_IR_MOEATTRS_TD
