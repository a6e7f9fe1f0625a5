//===- MoEEnums.td - Closed choices of the moe dialect -----*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_IR_MOEENUMS_TD
#define MOE_DIALECT_MOE_IR_MOEENUMS_TD

include "moe/Dialect/MoE/IR/MoEBase.td"
include "mlir/IR/EnumAttr.td"

class MoE_Enum<string name, string what, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, what, cases> {
  let cppNamespace = "::moe";
  let genSpecializedAttr = 0;
}

/// `#moe.<mnemonic><case>`.
class MoE_EnumAttr<EnumAttrInfo info, string attrMnemonic>
    : EnumAttr<MoE_Dialect, info, attrMnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def MoE_Tie : MoE_Enum<"Tie", "which of two equal scores stands first", [
  I32EnumAttrCase<"LowestIndex", 0, "lowest_index">,
  I32EnumAttrCase<"HighestIndex", 1, "highest_index">
]>;

def MoE_Score : MoE_Enum<"Score", "what makes probabilities of scores", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"Softmax", 1, "softmax">,
  I32EnumAttrCase<"Sigmoid", 2, "sigmoid">
]>;
def MoE_ScoreAttr : MoE_EnumAttr<MoE_Score, "score">;

def MoE_ScoreOrder : MoE_Enum<"ScoreOrder",
                              "whether scoring precedes selection", [
  I32EnumAttrCase<"Before", 0, "before">,
  I32EnumAttrCase<"After", 1, "after">
]>;
def MoE_ScoreOrderAttr : MoE_EnumAttr<MoE_ScoreOrder, "order">;

def MoE_GroupScore : MoE_Enum<"GroupScore", "what ranks a group of columns", [
  I32EnumAttrCase<"Max", 0, "max">,
  I32EnumAttrCase<"SumTop2", 1, "sum_top2">
]>;

def MoE_DenominatorKind : MoE_Enum<"DenominatorKind",
                                   "what keeps a sum of weights off zero", [
  I32EnumAttrCase<"Plain", 0, "plain">,
  I32EnumAttrCase<"ZeroAsOne", 1, "zero_as_one">,
  I32EnumAttrCase<"Plus", 2, "plus">,
  I32EnumAttrCase<"AtLeast", 3, "at_least">
]>;

def MoE_ExpertKind : MoE_Enum<"ExpertKind", "what an expert computes", [
  I32EnumAttrCase<"FFN", 0, "ffn">,
  I32EnumAttrCase<"Zero", 1, "zero">,
  I32EnumAttrCase<"Copy", 2, "copy">,
  I32EnumAttrCase<"Constant", 3, "constant">
]>;

#endif // MOE_DIALECT_MOE_IR_MOEENUMS_TD
