//===- MoELayer.td - A layer as selection and experts ------*- tablegen -*-===//
//
// Level 1: what raising writes and the MoE passes rewrite, on tensors.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_MOE_IR_MOELAYER_TD
#define MOE_DIALECT_MOE_IR_MOELAYER_TD

include "moe/Dialect/MoE/IR/MoEAttrs.td"
include "moe/Dialect/RT/IR/RTDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

/// What `moe.route` and `moe.gate` share: how a row of scores becomes slots.
defvar MoE_routeAttrs = (ins
    MoE_SelectAttrInterface:$select,
    DefaultValuedAttr<MoE_ScoreAttr, "::moe::Score::None">:$score,
    DefaultValuedAttr<MoE_ScoreOrderAttr, "::moe::ScoreOrder::Before">:$order,
    OptionalAttr<MoE_GroupsAttr>:$groups,
    OptionalAttr<MoE_ColumnsAttr>:$normalize_over,
    OptionalAttr<MoE_DenominatorAttr>:$denominator,
    OptionalAttr<F32Attr>:$scale);

def MoE_RouteOp : MoE_Op<"route", [Pure, AttrSizedOperandSegments,
    InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Selects experts and their mixing weights for each token";
  let description = [{
    Ids [T, k] in [-1, N) and weights [T, k] of scores [T, N], row by row:

    1. z = `scores` + `mask` (a vector [N]; -inf closes a column);
    2. `order` before: p = `score`(z) over all columns; after: p = z;
    3. selection scores c = p + `bias` (a vector [N] that mixing never sees),
       then `groups` (see `#moe.groups`);
    4. ids: `select` on c;
    5. raw weights: `mix`[t, id] if given, else p[t, id]; `order` after:
       `score` of them, over the k selected;
    6. `normalize_over` [b, e): divided by the sum, in slot order, of the raw
       weights of slots whose id is in [b, e), as `denominator` changes it. All
       slots are divided, those outside of the range too;
    7. times `scale`.

    Instead of scores, `project(%x, %w...)` gives their projection: columns of
    x [T, H] times each w [H, N_i], side by side, sum over H in order.

    Softmax subtracts the row's greatest score, and sums in column order; f16
    and bf16 are computed in f32 and rounded after each step, as the `onnx` ops
    do: the same bits. Whatever a row holds, NaN included, its ids are in range.

    Sources: Shazeer et al. 2017 eq. (3)-(4); AdaMoE eq. (1) with weights over
    true experts; DeepSeek-V3 (groups, bias); `seed-systems` C1, C2, C9.

    Constraints:
    * route_c1: exactly one of `scores` and `project` is given;
    * route_c2: vectors `bias` and `mask` have N elements, `mix` the shape of
      the scores; all have the element type of the scores;
    * route_c3: k, `normalize_over` and `groups` fit N;
    * route_c4: `denominator` needs `normalize_over`;
    * route_c5: `#moe.sparse_mixer` has neither score, mix, bias nor groups;
    * route_c6: both results are [T, k]; weights have the scores' element type.

    Example:
    ```mlir
    %ids, %weights = moe.route scores(%s : tensor<?x16xf32>) {
        select = #moe.topk<3>, score = #moe.score<softmax>,
        normalize_over = #moe.columns<0, 8>,
        denominator = #moe.denominator<zero_as_one>}
      -> tensor<?x3xi32>, tensor<?x3xf32>
    ```
  }];
  let arguments = !con((ins Optional<MoE_FloatMatrix>:$scores,
      Variadic<MoE_FloatMatrix>:$project, Optional<MoE_FloatVector>:$bias,
      Optional<MoE_FloatVector>:$mask, Optional<MoE_FloatMatrix>:$mix),
      MoE_routeAttrs);
  let results = (outs MoE_IdMatrix:$ids, MoE_FloatMatrix:$weights);
  let assemblyFormat = [{
    (`scores` `(` $scores^ `:` type($scores) `)`)?
    (`project` `(` $project^ `:` type($project) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`mix` `(` $mix^ `:` type($mix) `)`)?
    attr-dict `->` type($ids) `,` type($weights)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Columns that are selected from, N, or kDynamic.
    int64_t getNumColumns();
    int64_t getNumSlots() { return getSelect().getNumSlots(); }
  }];
}

def MoE_SlotSumOp : MoE_Op<"slot_sum", [Pure,
    AllElementTypesMatch<["weights", "sums"]>]> {
  let summary = "The sum of a token's weights over a range of ids";
  let description = [{
    sums[t] is the sum, in slot order, of weights[t, s] over slots whose id is
    in `columns`; 0 where there is none. The coefficient of what those ids stand
    for: `moe-eliminate-null-experts` makes terms of it.

    Constraint slot_sum_c1: ids and weights have one shape [T, k], sums [T].

    Example:
    ```mlir
    %c = moe.slot_sum %ids, %weights {columns = #moe.columns<8, 16>}
      : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?xf32>
    ```
  }];
  let arguments = (ins MoE_IdMatrix:$ids, MoE_FloatMatrix:$weights,
      MoE_ColumnsAttr:$columns);
  let results = (outs MoE_FloatVector:$sums);
  let assemblyFormat = [{
    $ids `,` $weights attr-dict `:` type($ids) `,` type($weights) `->`
        type($sums)
  }];
  let hasVerifier = 1;
}

def MoE_RenumberOp : MoE_Op<"renumber", [Pure,
    AllTypesMatch<["ids", "newIds"]>, AllTypesMatch<["weights", "newWeights"]>]> {
  let summary = "Other ids for the same slots";
  let description = [{
    Slot by slot, id e becomes `table`[e]; -1 stays -1. Slots of one token that
    come to one id >= 0 merge: the first keeps the id and the sum of their
    weights in slot order, the others become -1. Weights of slots with id -1 are
    left as they are, and mean nothing.

    Constraints:
    * renumber_c1: ids and weights have one shape;
    * renumber_c2: entries of `table` are at least -1.

    Example (of four experts the second is null, the fourth a copy of the
    first):
    ```mlir
    %i, %w = moe.renumber %ids, %weights {table = array<i32: 0, -1, 1, 0>}
      : tensor<?x2xi32>, tensor<?x2xf32>
    ```
  }];
  let arguments = (ins MoE_IdMatrix:$ids, MoE_FloatMatrix:$weights,
      DenseI32ArrayAttr:$table);
  let results = (outs MoE_IdMatrix:$newIds, MoE_FloatMatrix:$newWeights);
  let assemblyFormat =
      "$ids `,` $weights attr-dict `:` type($ids) `,` type($weights)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MoE_CountOp : MoE_Op<"count", [MemoryEffects<[MemWrite<RT_Counters>]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Counts the tokens and slots of a layer";
  let description = [{
    Adds to the counters of `layer`: T tokens, and to each expert with weights
    the number of slots that have its id, by what `experts` says of ids. Slots
    of other ids are what is left of T k. Written by `moe-instrument-load` ahead
    of elimination, so that experts keep their numbers.

    Constraints:
    * count_c1: `layer` is an `rt.layer` that is `counted`;
    * count_c2: it has as many experts and slots.

    Example:
    ```mlir
    rt.layer @layers.0.moe {counted, experts = 8 : i64, null_experts = 8 : i64,
                            slots = 3 : i64}
    func.func @f(%ids: tensor<?x3xi32>) {
      moe.count %ids {experts = #moe.kinds<ffn = 8, zero = 8>, layer = @layers.0.moe}
        : tensor<?x3xi32>
      return
    }
    ```
  }];
  let arguments = (ins MoE_IdMatrix:$ids, MoE_KindsAttr:$experts,
      FlatSymbolRefAttr:$layer);
  let assemblyFormat = "$ids attr-dict `:` type($ids)";
}

def MoE_ExpertsOp : MoE_Op<"experts", [Pure, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>, IsolatedFromAbove, SingleBlockImplicitTerminator<"::moe::YieldOp">]> {
  let summary = "The weighted sum of what the selected experts compute";
  let description = [{
    y[t] is the sum, in slot order, over slots s with an id e >= 0, of
    weights[t, s] times what `experts` says of e (absent weights are 1):

    * `ffn`: the body on row t, with the slice of each `stacked` operand that
      belongs to e: the i-th `ffn` id takes slice i;
    * `zero`: 0;
    * `copy`: the first of `rows` (H is then its width);
    * `constant`: a row of `constants` [C, H], the i-th such id row i;

    and then of `coefficients`[i][t] times `terms`[i] (its row t, or the row
    itself if it is a vector), in order. Id -1 adds nothing.

    The body computes row by row: it sees some rows of each operand of `rows`
    ([?, ...], the same tokens of each), the slices without the leading dim, and
    each `shared` operand whole. `input_weights` [T, k] multiplies row 0 per slot
    ahead of the body (Llama 4), where a factor behind the experts would differ.

    `layer` tells which layer of the model it is. Where that is counted, so are
    its FLOPs: 2 K for each sum over K products that the body takes.

    Constraints:
    * experts_c1: ids are [T, k], as are `weights` and `input_weights`;
    * experts_c2: block arguments are rows with a dynamic leading dim, slices,
      and shared operands, in this order;
    * experts_c3: stacked operands have as many leading slices as there are
      `ffn` ids, `constants` as many rows as there are `constant` ids;
    * experts_c4: the body is row-wise: each result row depends on the same row
      of the rows only;
    * experts_c5: the body yields one tensor [?, H], the result is [T, H];
    * experts_c6: coefficients [T] and terms ([T, H] or [H]) come in pairs;
    * experts_c7: `layer` is an `rt.layer`.

    Example:
    ```mlir
    func.func @layer(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>,
                     %w1: tensor<4x8x16xf32>, %w2: tensor<4x16x8xf32>) -> tensor<?x8xf32> {
      %y = moe.experts %ids, %weights
          rows(%x : tensor<?x8xf32>)
          stacked(%w1, %w2 : tensor<4x8x16xf32>, tensor<4x16x8xf32>)
          {experts = #moe.kinds<ffn = 4, zero = 4>}
          : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x16xf32>, %b: tensor<16x8xf32>):
        %h = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
        %g = onnx.Relu %h : (tensor<?x16xf32>) -> tensor<?x16xf32>
        %o = onnx.MatMul %g, %b : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let arguments = (ins MoE_IdMatrix:$ids, Optional<MoE_FloatMatrix>:$weights,
      Variadic<AnyRankedTensor>:$rows, Variadic<AnyRankedTensor>:$stacked,
      Variadic<AnyRankedTensor>:$shared, Optional<MoE_FloatMatrix>:$constants,
      Optional<MoE_FloatMatrix>:$input_weights,
      Variadic<MoE_FloatVector>:$coefficients,
      Variadic<MoE_FloatTensor>:$terms, MoE_KindsAttr:$experts,
      OptionalAttr<FlatSymbolRefAttr>:$layer);
  let results = (outs MoE_FloatMatrix:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $ids (`,` $weights^)? `rows` `(` $rows `:` type($rows) `)`
    (`stacked` `(` $stacked^ `:` type($stacked) `)`)?
    (`shared` `(` $shared^ `:` type($shared) `)`)?
    (`constants` `(` $constants^ `:` type($constants) `)`)?
    (`input_weights` `(` $input_weights^ `:` type($input_weights) `)`)?
    (`terms` `(` $coefficients^ `:` type($coefficients) `)` `times` `(` $terms
        `:` type($terms) `)`)?
    attr-dict `:` type($ids) (`,` type($weights)^)? `->` type($result) $body
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getNumSlots() {
      return ::mlir::cast<::mlir::RankedTensorType>(getIds().getType())
          .getDimSize(1);
    }
    /// Experts with weights, E.
    int64_t getNumExperts() { return getExperts().getCount(ExpertKind::FFN); }
    /// Arguments of the body, by what they stand for.
    ::mlir::Block::BlockArgListType getRowArguments();
    ::mlir::Block::BlockArgListType getStackedArguments();
    ::mlir::Block::BlockArgListType getSharedArguments();
  }];
}

def MoE_CandidateOp : MoE_Op<"candidate", [Pure, IsolatedFromAbove]> {
  let summary = "A layer beside the graph that it was found in";
  let description = [{
    Written by `moe-raise-onnx`; `moe-verify-raise` runs both regions and keeps
    one. Both take the operands as block arguments and yield the results, then
    the routing as evidence (ids [T, k], weights [T, k]), which is compared and
    dropped.

    The first `rows` operands are row-aligned: they share the leading dim T. The
    others are weights.

    Constraints:
    * candidate_c1: `rows` is in [1, number of operands], and the rows' leading
      dims agree as far as they are static;
    * candidate_c2: both regions have the operands' types as arguments;
    * candidate_c3: both regions yield as many values, at least the results; the
      first are of the results' types, evidence has the same shape in both.

    Example:
    ```mlir
    %y = moe.candidate(%x, %s) {rows = 2 : i64}
        : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
    original {
    ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>):
      moe.yield %a : tensor<?x8xf32>
    } raised {
    ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>):
      moe.yield %a : tensor<?x8xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
      ConfinedAttr<I64Attr, [IntPositive]>:$rows);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$original, SizedRegion<1>:$raised);
  let assemblyFormat = [{
    `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)
    `original` $original `raised` $raised
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Block &getOriginalBlock() { return getOriginal().front(); }
    ::mlir::Block &getRaisedBlock() { return getRaised().front(); }
  }];
}

def MoE_YieldOp : MoE_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["ExpertsOp", "CandidateOp", "GroupedMatmulOp"]>]> {
  let summary = "What a region of a moe op computes";
  let description = [{
    Example:
    ```mlir
    func.func @double(%x: tensor<?x8xf32>, %i: tensor<?x1xi32>) -> tensor<?x8xf32> {
      %y = moe.experts %i rows(%x : tensor<?x8xf32>) {experts = #moe.kinds<ffn = 1>}
          : tensor<?x1xi32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>):
        %o = onnx.Add %r, %r : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ /* nothing to yield */ }]>];
}

#endif // MOE_DIALECT_MOE_IR_MOELAYER_TD
