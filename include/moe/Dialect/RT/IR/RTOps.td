//===- RTOps.td - Ops of the rt dialect --------------------*- tablegen -*-===//
#ifndef MOE_DIALECT_RT_IR_RTOPS_TD
#define MOE_DIALECT_RT_IR_RTOPS_TD

include "moe/Dialect/RT/IR/RTAttrs.td"
include "moe/Dialect/RT/IR/RTEnums.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"

class RT_Op<string mnemonic, list<Trait> traits = []>
    : Op<RT_Dialect, mnemonic, traits>;

def RT_WeightOp : RT_Op<"weight", [Symbol]> {
  let summary = "A weight: byte ranges of the model's files and a recipe";
  let description = [{
    The tensor is made of `source` by the steps of `recipe`, in order; without
    steps there is one source, which is the tensor. No bytes are in the IR:
    passes that transpose, stack or cast a weight edit the recipe, and the
    runtime's one routine executes it, at compile time or at load time.

    Constraints:
    * weight_c1: `source` is not empty, and each span's length is its type's size;
    * weight_c2: every step accepts the types that the steps before it give;
    * weight_c3: the last types are exactly one, the weight's type;
    * weight_c4: at most one step packs.

    Example:
    ```mlir
    rt.weight @experts.w1 {
      source = [#rt.span<"m.onnx", offset = 0, length = 64, hash = 0, tensor<2x8xf32>>,
                #rt.span<"m.onnx", offset = 64, length = 64, hash = 0, tensor<2x8xf32>>],
      recipe = [#rt.transpose<[1, 0]>, #rt.stack]} : tensor<2x8x2xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, RT_SpanArrayAttr:$source,
      DefaultValuedAttr<RT_RecipeArrayAttr, "{}">:$recipe,
      TypeAttrOf<AnyStaticShapeTensor>:$type);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
}

def RT_WeightRefOp : RT_Op<"weight_ref",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a weight";
  let description = [{
    A tensor, or after bufferisation a read-only memref of the context's weight
    table.

    Constraint weight_ref_c1: the symbol is an `rt.weight` of the same shape and
    element type.

    Example:
    ```mlir
    rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 64, hash = 0,
                                     tensor<4x4xf32>>]} : tensor<4x4xf32>
    func.func @f() -> tensor<4x4xf32> {
      %w = rt.weight_ref @w : tensor<4x4xf32>
      return %w : tensor<4x4xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyTypeOf<[AnyStaticShapeTensor, AnyStaticShapeMemRef]>:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def RT_EntryOp : RT_Op<"entry"> {
  let summary = "The model's interface once its function takes pointers";
  let description = [{
    At the `llvm` stage a function no longer tells tensors: this op keeps what
    the argument and result attributes said. The artefact's descriptor is made
    of it.

    Example:
    ```mlir
    rt.entry @main
      inputs [#rt.value<"x", tensor<?x4xf32>, ["T", ""]>]
      outputs [#rt.value<"y", tensor<?x4xf32>, ["T", ""]>]
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$function, RT_ValueArrayAttr:$inputs,
      RT_ValueArrayAttr:$outputs);
  let assemblyFormat = "$function `inputs` $inputs `outputs` $outputs attr-dict";
}

/// What `rt.clock` and `rt.record` write, so that neither moves.
def RT_Clock : Resource<"::moe::rt::Clock">;

/// Whether the run goes on: what `rt.require` writes.
def RT_RunStatus : Resource<"::moe::rt::RunStatus">;

def RT_RequireOp
    : RT_Op<"require", [MemoryEffects<[MemWrite<RT_RunStatus>]>]> {
  let summary = "Ends the run with a message unless a condition holds";
  let description = [{
    `message` says what was expected; `where` names the ONNX node. The run
    returns the status `MOE_PRECONDITION_FAILED`. It must not stand inside a
    parallel region.

    Example:
    ```mlir
    func.func @check(%c: i1) {
      rt.require %c, "indices must be in [0, 8)" at "/layers.0/Gather"
      return
    }
    ```
  }];
  let arguments = (ins I1:$condition, StrAttr:$message, StrAttr:$where);
  let assemblyFormat = "$condition `,` $message `at` $where attr-dict";
  let hasCanonicalizeMethod = 1;
}

def RT_NumThreadsOp : RT_Op<"num_threads", [Pure]> {
  let summary = "How many threads the run has";
  let description = [{
    At least 1, the same everywhere in a run.

    Example:
    ```mlir
    func.func @f() -> index {
      %n = rt.num_threads
      return %n : index
    }
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, $_builder.getIndexType());
  }]>];
}

def RT_ParallelOp : RT_Op<"parallel", [AutomaticAllocationScope,
    RecursiveMemoryEffects, SingleBlock, NoTerminator]> {
  let summary = "Runs a region once per number below a count, on all threads";
  let description = [{
    The region runs for each i in [0, `count`), in any order and at the same
    time; the op ends when all have. What they write to must differ. Values from
    outside are read only. It does not nest.

    Example:
    ```mlir
    func.func @f(%out: memref<?xindex>, %n: index) {
      rt.parallel %i below %n {
        memref.store %i, %out[%i] : memref<?xindex>
      }
      return
    }
    ```
  }];
  let arguments = (ins Index:$count);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$count,
      "::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, "
      "::mlir::Value)>":$body)>];
  let extraClassDeclaration = [{
    ::mlir::Value getIndex() { return getBody().getArgument(0); }
  }];
}

def RT_LayerOp : RT_Op<"layer", [Symbol]> {
  let summary = "An MoE layer, as descriptions of the model list it";
  let description = [{
    `experts` are those with weights; `null_experts` are the other ids that a
    router can select: they compute nothing, copy the row or add a constant one.
    Each token has `slots` of both.

    Where it is `counted`, every context has counters of the layer, which
    `rt.count` adds to: tokens, FLOPs of experts, and slots of each expert. They
    are 0 when a run starts.

    Example:
    ```mlir
    rt.layer @layers.0.moe {counted, experts = 8 : i64, null_experts = 8 : i64,
                            slots = 3 : i64}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$experts,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$null_experts,
      ConfinedAttr<I64Attr, [IntPositive]>:$slots, UnitAttr:$counted);
  let assemblyFormat = "$sym_name attr-dict";
}

def RT_CountOp : RT_Op<"count", [MemoryEffects<[MemWrite<RT_Counters>]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Adds to a counter of a layer";
  let description = [{
    Adds `amount` to a counter of the context that runs: `tokens`,
    `expert_flops`, or `expert_slots` of the expert with this number. Not for
    inner loops: it becomes a call.

    Constraints:
    * count_c1: the symbol is an `rt.layer` that is `counted`;
    * count_c2: `of` an expert is given for `expert_slots`, and for nothing else.

    Example:
    ```mlir
    rt.layer @moe {counted, experts = 8 : i64, null_experts = 0 : i64, slots = 2 : i64}
    func.func @f(%tokens: index, %expert: index, %slots: index) {
      rt.count @moe tokens by %tokens
      rt.count @moe expert_slots of %expert by %slots
      return
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$layer, RT_Counter:$counter,
      Optional<Index>:$expert, Index:$amount);
  let assemblyFormat =
      "$layer $counter (`of` $expert^)? `by` $amount attr-dict";
  let hasVerifier = 1;
}

def RT_TimerOp : RT_Op<"timer", [Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A step of the model whose time is taken";
  let description = [{
    Every context sums up what `rt.record` says of the step: how often it ran,
    how long it took, and what it computed. All is 0 when a run starts.

    `computation` is what kind of a step it is, `node` the ONNX node that asked
    for it, `layer` the MoE layer that it is a part of, if any.

    Constraint timer_c1: `layer` is an `rt.layer`.

    Example:
    ```mlir
    rt.layer @layers.0.moe {experts = 8 : i64, null_experts = 8 : i64, slots = 3 : i64}
    rt.timer @layers.0.moe_gate gate at "layers.0.moe/gate" of @layers.0.moe
    rt.timer @norm reduction at "/norm/ReduceMean"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, RT_Computation:$computation,
      StrAttr:$node, OptionalAttr<FlatSymbolRefAttr>:$layer);
  let assemblyFormat =
      "$sym_name $computation `at` $node (`of` $layer^)? attr-dict";
}

def RT_ClockOp : RT_Op<"clock", [MemoryEffects<[MemWrite<RT_Clock>]>]> {
  let summary = "The time";
  let description = [{
    In nanoseconds since a point in the past that a run does not move.

    Example:
    ```mlir
    func.func @f() -> i64 {
      %now = rt.clock
      return %now : i64
    }
    ```
  }];
  let results = (outs I64:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, $_builder.getI64Type());
  }]>];
}

def RT_RecordOp : RT_Op<"record", [AttrSizedOperandSegments,
    MemoryEffects<[MemWrite<RT_Clock>]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Adds the time since an rt.clock to a timer";
  let description = [{
    `flops` and `bytes` are what the step computed: two per product of matrix
    products, and each byte of memory that it had to read or write, once. Either
    is left out where it is not known. Not for inner loops: it becomes a call. It
    must not stand inside a parallel region.

    Constraint record_c1: the symbol is an `rt.timer`.

    Example:
    ```mlir
    rt.timer @up matmul at "/up/MatMul"
    func.func private @kernel()
    func.func @f(%flops: index, %bytes: index) {
      %start = rt.clock
      call @kernel() : () -> ()
      rt.record @up since %start flops %flops bytes %bytes
      return
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$timer, I64:$start,
      Optional<Index>:$flops, Optional<Index>:$bytes);
  let assemblyFormat =
      "$timer `since` $start (`flops` $flops^)? (`bytes` $bytes^)? attr-dict";
}

#endif // MOE_DIALECT_RT_IR_RTOPS_TD
