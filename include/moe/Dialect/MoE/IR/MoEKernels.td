//===- MoEKernels.td - A layer as four kernels -------------*- tablegen -*-===//
//
// Level 2: destination-style ops on tensors, and the same on memrefs. A layer
// is moe.gate (who goes where), moe.dispatch (in which row), grouped matmuls
// over those rows, and moe.combine.
//
// Rows are slots sorted by expert, R = T k at most: rows [offsets[e],
// offsets[e + 1]) belong to expert e, in slot order; rows from offsets[E] on
// are undefined and never read.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_MOE_IR_MOEKERNELS_TD
#define MOE_DIALECT_MOE_IR_MOEKERNELS_TD

include "moe/Dialect/MoE/IR/MoELayer.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"

class MoE_Shaped<list<Type> elements> : AnyTypeOf<[
    RankedTensorOf<elements>, MemRefOf<elements>], "tensor or memref">;
def MoE_FloatShaped : MoE_Shaped<[MoE_Float]>;
def MoE_I32Shaped : MoE_Shaped<[I32]>;
def MoE_AnyShaped : MoE_Shaped<[MoE_Float, I32]>;

/// All operands are tensors, and `outs` are returned; or all are memrefs, and
/// `outs` are written.
class MoE_KernelOp<string mnemonic, list<Trait> traits = []>
    : MoE_Op<mnemonic, !listconcat([
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>], traits)> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  code destinations = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return getOutsMutable();
    }
  }];
  let extraClassDeclaration = destinations;
  let hasVerifier = 1;
}

def MoE_GateOp : MoE_KernelOp<"gate", [AttrSizedOperandSegments]> {
  let summary = "Routing in one nest over tokens, down to the histogram";
  let description = [{
    What `moe.route` says, then `moe.renumber` by `table` if given, and the
    number of slots per final id. Nothing of size [T, N] is stored.

    Outs: ids [T, k] and weights [T, k] after renumbering, counts [E], and one
    vector [T] for each range of `sums`: what `moe.slot_sum` says of the ids and
    weights ahead of renumbering. E is the number of final ids.

    Constraints:
    * gate_c1: the constraints of `moe.route`;
    * gate_c2: outs are ids, weights, counts, and one vector per range of `sums`;
    * gate_c3: `table` has N entries in [-1, E).

    Example:
    ```mlir
    func.func @gate(%s: memref<?x4xf32>, %i: memref<?x2xi32>, %w: memref<?x2xf32>, %c: memref<3xi32>) {
      moe.gate scores(%s : memref<?x4xf32>) {
          select = #moe.topk<2>, score = #moe.score<softmax>,
          table = array<i32: 0, 1, 2, -1>}
        outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<3xi32>)
      return
    }
    ```
  }];
  let arguments = !con((ins Optional<MoE_FloatShaped>:$scores,
      Variadic<MoE_FloatShaped>:$project, Optional<MoE_FloatShaped>:$bias,
      Optional<MoE_FloatShaped>:$mask, Optional<MoE_FloatShaped>:$mix,
      Variadic<MoE_AnyShaped>:$outs), MoE_routeAttrs,
      (ins OptionalAttr<DenseI32ArrayAttr>:$table,
           OptionalAttr<TypedArrayAttrBase<MoE_ColumnsAttr, "ranges">>:$sums));
  let assemblyFormat = [{
    (`scores` `(` $scores^ `:` type($scores) `)`)?
    (`project` `(` $project^ `:` type($project) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`mix` `(` $mix^ `:` type($mix) `)`)?
    attr-dict `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinations # [{
    ::mlir::Value getIds() { return getOuts()[0]; }
    ::mlir::Value getWeights() { return getOuts()[1]; }
    ::mlir::Value getCounts() { return getOuts()[2]; }
    ::mlir::ValueRange getSumOuts() { return getOuts().drop_front(3); }
    /// Columns that are selected from, N, or kDynamic.
    int64_t getNumColumns();
    int64_t getNumSlots() { return getSelect().getNumSlots(); }
  }];
}

def MoE_DispatchOp : MoE_KernelOp<"dispatch"> {
  let summary = "The rows of slots, sorted by expert";
  let description = [{
    Of ids [T, k] and counts [E]: offsets [E + 1], the sums of counts ahead of
    each expert; slots [R], the flat slot (t k + s) of each row; rows [T, k], the
    row of each slot or -1. Rows of one expert stand in slot order: the
    same inputs give the same rows.

    Constraints:
    * dispatch_c1: ids and rows have one shape, slots has rank 1;
    * dispatch_c2: offsets has one element more than counts.

    Example:
    ```mlir
    func.func @dispatch(%ids: memref<?x2xi32>, %counts: memref<4xi32>, %o: memref<5xi32>,
                        %s: memref<?xi32>, %r: memref<?x2xi32>) {
      moe.dispatch ids(%ids, %counts : memref<?x2xi32>, memref<4xi32>)
        outs(%o, %s, %r : memref<5xi32>, memref<?xi32>, memref<?x2xi32>)
      return
    }
    ```
  }];
  let arguments = (ins MoE_I32Shaped:$ids, MoE_I32Shaped:$counts,
      Variadic<MoE_I32Shaped>:$outs);
  let assemblyFormat = [{
    `ids` `(` $ids `,` $counts `:` type($ids) `,` type($counts) `)` attr-dict
    `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinations # [{
    ::mlir::Value getOffsets() { return getOuts()[0]; }
    ::mlir::Value getSlots() { return getOuts()[1]; }
    ::mlir::Value getRows() { return getOuts()[2]; }
  }];
}

def MoE_GroupedMatmulOp : MoE_KernelOp<"grouped_matmul",
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     SingleBlockImplicitTerminator<"::moe::YieldOp">]> {
  let summary = "Rows times their expert's matrices, and a scalar epilogue";
  let description = [{
    For each row r of expert e and each column n:

      out[r, n] = epilogue(acc_0, acc_1, ..., columns_0[e, n], ...,
                           slot_values_0[slots[r]], ...)
      acc_i = sum over k of x[row(r), k] * weights_i[e, k, o_i + n s_i]

    with o_i, s_i from `column_offsets` and `column_strides` (0 and 1 where
    absent), so that gate and up halves of one matrix, or its even and odd
    columns, are two accumulators. Sums start at 0 and run over k in order, in
    f32 for f16 and bf16 (their products are exact there). row(r) is r, or slots[r] / `slots_per_row` where
    that is given: then x holds tokens.

    Rows from offsets[E] on stay undefined. With one expert it is a dense
    matmul.

    Weights may be packed as panels (`#rt.pack`): [E, P, K, w], where column m of
    the matrix is column m mod w of panel m / w; or as panels of pairs, [E, P,
    ceil(K / 2), w, 2]. With a `schedule` all are, and the kernel is built as it
    says: one for dot products of bf16 rounds rows first.

    Where `counter` names a layer, the loops over rows add what they ran to its
    FLOPs of experts: 2 K per row, column and operand of weights.

    Constraints:
    * grouped_matmul_c1: x is [., K], weights [E, K, M_i], columns [E, N], slot
      values have rank 1, slots [R], offsets [E + 1], out [R, N];
    * grouped_matmul_c2: o_i + (N - 1) s_i < M_i;
    * grouped_matmul_c3: `slots_per_row` and slot values need slots;
    * grouped_matmul_c4: the region takes accumulators, column and slot values,
      and yields an element of out;
    * grouped_matmul_c5: `counter` is an `rt.layer` that is `counted`;
    * grouped_matmul_c6: `schedule` fits the operands: weights are panels of its
      lanes, in one float type; panels of pairs and a `k_step` of 2 come
      together.

    Example:
    ```mlir
    func.func @gate_times_up(%x: tensor<?x8xf32>, %s: tensor<?xi32>, %o: tensor<5xi32>,
                             %w: tensor<4x8x32xf32>, %h0: tensor<?x16xf32>) -> tensor<?x16xf32> {
      %h = moe.grouped_matmul rows(%x : tensor<?x8xf32>)
          slots(%s : tensor<?xi32>) offsets(%o : tensor<5xi32>)
          weights(%w, %w : tensor<4x8x32xf32>, tensor<4x8x32xf32>)
          {slots_per_row = 2 : i64, column_offsets = array<i64: 0, 16>}
          outs(%h0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
      ^bb0(%gate: f32, %up: f32):
        %g = arith.mulf %gate, %up : f32
        moe.yield %g : f32
      }
      return %h : tensor<?x16xf32>
    }
    ```
  }];
  let arguments = (ins MoE_FloatShaped:$rows, Optional<MoE_I32Shaped>:$slots,
      MoE_I32Shaped:$offsets, Variadic<MoE_FloatShaped>:$weights,
      Variadic<MoE_FloatShaped>:$columns,
      Variadic<MoE_FloatShaped>:$slot_values, Variadic<MoE_FloatShaped>:$outs,
      OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$slots_per_row,
      OptionalAttr<DenseI64ArrayAttr>:$column_offsets,
      OptionalAttr<DenseI64ArrayAttr>:$column_strides,
      OptionalAttr<FlatSymbolRefAttr>:$counter,
      OptionalAttr<MoE_ScheduleAttrInterface>:$schedule);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `rows` `(` $rows `:` type($rows) `)` (`slots` `(` $slots^ `:` type($slots) `)`)?
    `offsets` `(` $offsets `:` type($offsets) `)`
    `weights` `(` $weights `:` type($weights) `)`
    (`columns` `(` $columns^ `:` type($columns) `)`)?
    (`slot_values` `(` $slot_values^ `:` type($slot_values) `)`)?
    attr-dict `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
    $epilogue
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = destinations # [{
    ::mlir::Value getOut() { return getOuts()[0]; }
    int64_t getColumnOffset(unsigned weight) {
      auto offsets = getColumnOffsets();
      return offsets ? (*offsets)[weight] : 0;
    }
    int64_t getColumnStride(unsigned weight) {
      auto strides = getColumnStrides();
      return strides ? (*strides)[weight] : 1;
    }
    /// Whether an operand of weights is panels, [E, P, K, w] or of pairs.
    bool isPacked(unsigned weight);
    /// Products that lie together in panels of an operand of weights.
    int64_t getPairs(unsigned weight);
  }];
}

def MoE_PackOp : MoE_KernelOp<"pack"> {
  let summary = "Computed matrices as panels";
  let description = [{
    What the recipe step `#rt.pack` does to a weight, in every run: of matrices
    [E, K, N] the panels [E, P, K, w], with 0 where they have no column. With
    `transposed` the matrices are given as [E, N, K].

    Constraints:
    * pack_c1: matrices and outs have one element type;
    * pack_c2: outs has as many panels as the columns fill.

    Example:
    ```mlir
    func.func @pack(%m: memref<?x?x32xf32>, %p: memref<?x?x32x16xf32>) {
      moe.pack matrices(%m : memref<?x?x32xf32>) {transposed}
          outs(%p : memref<?x?x32x16xf32>)
      return
    }
    ```
  }];
  let arguments = (ins MoE_FloatShaped:$matrices,
      Variadic<MoE_FloatShaped>:$outs, UnitAttr:$transposed);
  let assemblyFormat = [{
    `matrices` `(` $matrices `:` type($matrices) `)` attr-dict
    `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinations # [{
    ::mlir::Value getPanels() { return getOuts()[0]; }
  }];
}

def MoE_CombineOp : MoE_KernelOp<"combine", [AttrSizedOperandSegments]> {
  let summary = "The weighted sum of each token's rows, and its terms";
  let description = [{
    y[t] = sum over s in slot order, where rows[t, s] >= 0, of weights[t, s] *
    values[rows[t, s]] (absent weights are 1), then in order coefficients_i[t] *
    terms_i[t] (or terms_i, a vector). No atomics: one order, the same bits. In
    f32 for f16 and bf16, rounded once.

    Constraints:
    * combine_c1: values [R, H], rows and weights [T, k], out [T, H];
    * combine_c2: coefficients [T] and terms ([T, H] or [H]) come in pairs.

    Example:
    ```mlir
    func.func @combine(%h: memref<?x8xf32>, %r: memref<?x2xi32>, %w: memref<?x2xf32>, %y: memref<?x8xf32>) {
      moe.combine values(%h : memref<?x8xf32>) rows(%r : memref<?x2xi32>)
          weights(%w : memref<?x2xf32>) outs(%y : memref<?x8xf32>)
      return
    }
    ```
  }];
  let arguments = (ins MoE_FloatShaped:$values, MoE_I32Shaped:$rows,
      Optional<MoE_FloatShaped>:$weights,
      Variadic<MoE_FloatShaped>:$coefficients,
      Variadic<MoE_FloatShaped>:$terms, Variadic<MoE_FloatShaped>:$outs);
  let assemblyFormat = [{
    `values` `(` $values `:` type($values) `)` `rows` `(` $rows `:` type($rows) `)`
    (`weights` `(` $weights^ `:` type($weights) `)`)?
    (`terms` `(` $coefficients^ `:` type($coefficients) `)` `times` `(` $terms
        `:` type($terms) `)`)?
    attr-dict `outs` `(` $outs `:` type($outs) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinations # [{
    ::mlir::Value getOut() { return getOuts()[0]; }
  }];
}

#endif // MOE_DIALECT_MOE_IR_MOEKERNELS_TD
