//===- Passes.td - Passes on the moe dialect ---------------*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_TRANSFORMS_PASSES_TD
#define MOE_DIALECT_MOE_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def RaiseONNXPass : Pass<"moe-raise-onnx", "::mlir::ModuleOp"> {
  let summary = "Find MoE layers in graphs of onnx ops";
  let description = [{
    Exporters spell a layer in many ways: gathered weights, one branch per
    expert, sorted tokens, all experts with masks. The pass reads what each value
    holds per token, slot and expert from the ops that make it, never from names
    or order, and wraps what is the weighted sum of selected experts in a
    `moe.candidate`: the ops that were found beside `moe.route` and
    `moe.experts`. `moe-verify-raise` decides between them. An `onnx.ms.MoE` is a
    layer by itself.

    ```mlir
    // moe-opt --moe-raise-onnx --moe-accept-raise
    func.func @example(%x: tensor<?x2xf32> {rt.dims = ["T", ""]},
                       %s: tensor<?x2xf32> {rt.dims = ["T", ""]}) -> tensor<?x2xf32> {
      %one = onnx.Constant dense<1> : tensor<1xi64>
      %w = onnx.Constant dense<[[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]]]> : tensor<2x2x2xf32>
      %p = onnx.Softmax %s : (tensor<?x2xf32>) -> tensor<?x2xf32>
      %v, %i = onnx.TopK %p, %one
        : (tensor<?x2xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
      %e = onnx.Squeeze %i, %one : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
      %g = onnx.Gather %w, %e : (tensor<2x2x2xf32>, tensor<?xi64>) -> tensor<?x2x2xf32>
      %r = onnx.Unsqueeze %x, %one : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1x2xf32>
      %h = onnx.MatMul %r, %g : (tensor<?x1x2xf32>, tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
      %o = onnx.Squeeze %h, %one : (tensor<?x1x2xf32>, tensor<1xi64>) -> tensor<?x2xf32>
      %y = onnx.Mul %o, %v : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    ```
    becomes a candidate. When it is kept,
    ```mlir
    func.func @example(%x: tensor<?x2xf32> {rt.dims = ["T", ""]},
                       %s: tensor<?x2xf32> {rt.dims = ["T", ""]}) -> tensor<?x2xf32> {
      %i, %v = moe.route scores(%s : tensor<?x2xf32>)
        {score = #moe.score<softmax>, select = #moe.topk<1>} -> tensor<?x1xi32>, tensor<?x1xf32>
      %w = onnx.Constant dense<[[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]]]> : tensor<2x2x2xf32>
      %y = moe.experts %i, %v rows(%x : tensor<?x2xf32>) stacked(%w : tensor<2x2x2xf32>)
          {experts = #moe.kinds<ffn = 2>} : tensor<?x1xi32>, tensor<?x1xf32> -> tensor<?x2xf32> {
      ^bb0(%r: tensor<?x2xf32>, %g: tensor<2x2xf32>):
        %h = onnx.MatMul %r, %g : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
        moe.yield %h : tensor<?x2xf32>
      }
      return %y : tensor<?x2xf32>
    }
    ```
    is left. A remark says what was found, or which op keeps a graph that selects experts
    from being a layer.
  }];
  let dependentDialects = ["::moe::MoEDialect", "::moe::onnx::ONNXDialect",
                           "::moe::rt::RTDialect"];
}

def VerifyRaisePass : Pass<"moe-verify-raise", "::mlir::ModuleOp"> {
  let summary = "Keep raised layers that compute what their graphs compute";
  let description = [{
    Both regions of every `moe.candidate` run on random and adversarial rows.
    Where routing is equal exactly, and values within rounding, the raised region
    takes the candidate's place; else the original one does, and a remark says
    what differed first. `lib/Proof/Compare.h` has the rule.

    Weights are windows of one small random file, laid out as the model's are:
    no byte of the model is read, and of candidates that differ in names and
    places only one runs. Code runs in a process of its own with limits of time
    and memory; if that process ends early, nothing is proven.

    The pass itself cannot run code: it asks the `RaiseEvaluator` that the tool
    has registered, and fails without one.

    ```mlir
    // moe-opt --moe-verify-raise --remarks-filter=moe-.* --remark-format=emitRemark
    func.func @main(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>) -> tensor<?x8xf32> {
      %y = moe.candidate(%x, %s) {rows = 2 : i64}
          : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
      original {
      ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>):
        %k = onnx.Constant dense<1> : tensor<1xi64>
        %v, %i = onnx.TopK %b, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
        %o = onnx.Mul %a, %v : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
        moe.yield %o, %i, %v : tensor<?x8xf32>, tensor<?x1xi64>, tensor<?x1xf32>
      } raised {
      ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>):
        %i, %v = moe.route scores(%b : tensor<?x4xf32>) {select = #moe.topk<1, tie = highest_index>}
          -> tensor<?x1xi32>, tensor<?x1xf32>
        %o = moe.experts %i, %v rows(%a : tensor<?x8xf32>) {experts = #moe.kinds<copy = 4>}
            : tensor<?x1xi32>, tensor<?x1xf32> -> tensor<?x8xf32> {
        ^bb0(%r: tensor<?x8xf32>):
          moe.yield %r : tensor<?x8xf32>
        }
        moe.yield %o, %i, %v : tensor<?x8xf32>, tensor<?x1xi32>, tensor<?x1xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    becomes what it was, because `onnx.TopK` selects the lower of two equal
    scores,
    ```mlir
    func.func @main(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>) -> tensor<?x8xf32> {
      %k = onnx.Constant dense<1> : tensor<1xi64>
      %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
      %y = onnx.Mul %x, %v : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
    and a remark says so:
    ```text
    the raise is undone: routing differs: slot 0 of token 0 selects expert 0, raised 3
    ```
  }];
  let options = [
    Option<"seconds", "seconds", "unsigned", /*default=*/"60",
           "Time for one candidate, compilation included">,
    Option<"memoryMiB", "memory-mib", "unsigned", /*default=*/"4096",
           "Memory of the process that runs candidates">
  ];
  let dependentDialects = ["::moe::MoEDialect", "::moe::rt::RTDialect"];
}

def AcceptRaisePass : Pass<"moe-accept-raise", "::mlir::ModuleOp"> {
  let summary = "Keep every raised layer without proof, for tests";
  let description = [{
    The raised region of every `moe.candidate` takes its place.

    ```mlir
    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %y = moe.candidate(%x) {rows = 1 : i64}
          : (tensor<?x8xf32>) -> tensor<?x8xf32>
      original {
      ^bb0(%a: tensor<?x8xf32>):
        %s = onnx.Sigmoid %a : (tensor<?x8xf32>) -> tensor<?x8xf32>
        %o = onnx.Mul %a, %s : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      } raised {
      ^bb0(%a: tensor<?x8xf32>):
        %o = onnx.Swish %a : (tensor<?x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %y = onnx.Swish %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::moe::MoEDialect", "::moe::rt::RTDialect"];
}

def EliminateNullExpertsPass
    : Pass<"moe-eliminate-null-experts", "::mlir::ModuleOp"> {
  let summary = "Make experts that compute nothing cost nothing";
  let description = [{
    Of the ids of each `moe.experts`, only experts with weights that are needed
    stay; all other ids become -1, which no kernel sees:

    * zero experts go;
    * copy and constant experts become terms: the sum of their slots' weights
      times the row, or times the constant row;
    * experts whose weights make every output 0 for finite rows go;
    * of experts with equal weights one runs, with the sum of the weights (not
      where `input_weights` scale rows);
    * experts that no row of finite scores can select, by the route's constant
      mask and bias, go.

    The router keeps all columns: they decide the selection (AdaMoE; replacing
    null experts by masked columns would change it).

    Values of weights are compared by the hashes of their spans; `folder`, the
    model's folder, lets slices of one span be compared too.

    ```mlir
    func.func @example(%ids: tensor<?x3xi32>, %weights: tensor<?x3xf32>,
                       %x: tensor<?x8xf32>, %w: tensor<2x8x8xf32>) -> tensor<?x8xf32> {
      %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>)
          stacked(%w : tensor<2x8x8xf32>)
          {experts = #moe.kinds<ffn = 2, zero = 2, copy = 1>}
          : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func @example(%ids: tensor<?x3xi32>, %weights: tensor<?x3xf32>,
                       %x: tensor<?x8xf32>, %w: tensor<2x8x8xf32>) -> tensor<?x8xf32> {
      %copied = moe.slot_sum %ids, %weights {columns = #moe.columns<4, 5>}
        : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?xf32>
      %i, %p = moe.renumber %ids, %weights {table = array<i32: 0, 1, -1, -1, -1>}
        : tensor<?x3xi32>, tensor<?x3xf32>
      %y = moe.experts %i, %p rows(%x : tensor<?x8xf32>)
          stacked(%w : tensor<2x8x8xf32>)
          terms(%copied : tensor<?xf32>) times(%x : tensor<?x8xf32>)
          {experts = #moe.kinds<ffn = 2>}
          : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let options = [
    Option<"folder", "folder", "std::string", /*default=*/"",
           "The model's folder, to compare slices of weights">
  ];
  let dependentDialects = ["::moe::MoEDialect", "::moe::onnx::ONNXDialect",
                           "::moe::rt::RTDialect"];
}

def FuseRoutingPass : Pass<"moe-fuse-routing", "::mlir::ModuleOp"> {
  let summary = "Move the router's projection into the route";
  let description = [{
    Where the scores of a `moe.route` are products of the same rows and have no
    other use, they become `project`: the kernel then goes from projection to
    histogram in one nest over tokens, and no [T, N] is stored. A bias of the
    projection becomes the route's `mask`, which is added where it was.

    ```mlir
    func.func @example(%x: tensor<?x8xf32>, %a: tensor<8x4xf32>, %b: tensor<8x4xf32>)
        -> (tensor<?x2xi32>, tensor<?x2xf32>) {
      %0 = onnx.MatMul %x, %a : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
      %1 = onnx.MatMul %x, %b : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
      %s = onnx.Concat %0, %1 {axis = -1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
      %i, %w = moe.route scores(%s : tensor<?x8xf32>) {select = #moe.topk<2>}
        -> tensor<?x2xi32>, tensor<?x2xf32>
      return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
    }
    ```
    becomes
    ```mlir
    func.func @example(%x: tensor<?x8xf32>, %a: tensor<8x4xf32>, %b: tensor<8x4xf32>)
        -> (tensor<?x2xi32>, tensor<?x2xf32>) {
      %i, %w = moe.route project(%x, %a, %b : tensor<?x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>)
        {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
      return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
    }
    ```
    A remark says why a projection stays apart.
  }];
  let dependentDialects = ["::moe::MoEDialect", "::moe::onnx::ONNXDialect"];
}

def DescribeLayersPass : Pass<"moe-describe-layers", "::mlir::ModuleOp"> {
  let summary = "List the model's MoE layers";
  let description = [{
    Each `moe.experts` gets an `rt.layer` that keeps, through all stages, what
    descriptions of the model say of it: its name, how many experts it has, how
    many other ids, and how many slots a token has. Runs ahead of elimination.

    ```mlir
    func.func @example(%ids: tensor<?x3xi32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>)
        -> tensor<?x8xf32> {
      %y = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
          {experts = #moe.kinds<ffn = 4, zero = 4>} : tensor<?x3xi32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    gets, and names in the attribute `layer`,
    ```mlir
    rt.layer @moe {experts = 4 : i64, null_experts = 4 : i64, slots = 3 : i64}
    ```
  }];
  let dependentDialects = ["::moe::rt::RTDialect"];
}

def InstrumentLoadPass : Pass<"moe-instrument-load", "::mlir::ModuleOp"> {
  let summary = "Let runs count the load of each MoE layer";
  let description = [{
    Each layer (see `moe-describe-layers`) is counted: the tokens and the slots
    of each expert, by `moe.count`, and the FLOPs of experts, by the loops that
    do them. The load is the mean number of experts per token.

    Runs ahead of elimination: experts keep the numbers that the model gives
    them, and FLOPs are of what is left to run. Loops get no more work inside.

    ```mlir
    func.func @example(%ids: tensor<?x3xi32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>)
        -> tensor<?x8xf32> {
      %y = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
          {experts = #moe.kinds<ffn = 4, zero = 4>} : tensor<?x3xi32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    becomes
    ```mlir
    rt.layer @moe {counted, experts = 4 : i64, null_experts = 4 : i64, slots = 3 : i64}
    func.func @example(%ids: tensor<?x3xi32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>)
        -> tensor<?x8xf32> {
      moe.count %ids {experts = #moe.kinds<ffn = 4, zero = 4>, layer = @moe} : tensor<?x3xi32>
      %y = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
          {experts = #moe.kinds<ffn = 4, zero = 4>, layer = @moe} : tensor<?x3xi32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::moe::MoEDialect", "::moe::rt::RTDialect"];
}

def LintPass : Pass<"moe-lint", "::mlir::ModuleOp"> {
  let summary = "Warn of graphs that compute what nobody meant";
  let description = [{
    Looks at graphs of onnx ops and changes nothing: a suspicious graph compiles
    as it is written. One warning per router, with the node, the reason and what
    to do:

    * frozen routing: rows that a router selects are split by constant counts, or
      the list of selected experts has a constant length, as a trace has it of
      `tolist()`, `item()` or slices between such counts;
    * missing experts: the constant ids that a graph asks its one-hot mask or its
      selected ids about leave some out between them. Ids ahead or behind of all
      others may be null experts, which a graph shows in no other way;
    * double softmax: what is selected from is a softmax of a softmax;
      `onnx.ms.MoE` takes one itself;
    * provider-dependent node: an `onnx.ms.MoE` that ONNX Runtime's CPU and CUDA
      providers compute differently.

    A transposed square weight cannot be told from the right one by its graph: it
    is not looked for.

    ```mlir
    func.func @example(%x: tensor<?x8xf32>, %logits: tensor<?x4xf32>)
        -> (tensor<3x8xf32>, tensor<1x8xf32>) {
      %k = onnx.Constant dense<1> : tensor<1xi64>
      %v, %i = onnx.TopK %logits, %k
        : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
      %all = onnx.Constant dense<-1> : tensor<1xi64>
      %ids = onnx.Reshape %i, %all : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
      %rows = onnx.Gather %x, %ids : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
      %counts = onnx.Constant dense<[3, 1]> : tensor<2xi64>
      %a, %b = onnx.Split %rows, %counts
        : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<3x8xf32>, tensor<1x8xf32>)
      return %a, %b : tensor<3x8xf32>, tensor<1x8xf32>
    }
    ```
    gives
    ```text
    warning: frozen routing: the numbers of rows per expert, 3, 1, are those of the example input
    ```
  }];
}

def ReportCostPass : Pass<"moe-report-cost", "::mlir::ModuleOp"> {
  let summary = "Tell parameters, FLOPs and bytes as functions of the load";
  let description = [{
    Writes to standard error what a token costs: FLOPs (two per product of matrix
    products and convolutions; nothing else is counted) are A + load * E, E those
    of one expert in each layer, A all others. A load L takes

      E (k - L) / (A + k E)

    less than the baseline, a model with k experts per token: `baseline`, which
    has no null columns, or this model with all its slots.

    FLOPs are counted per token as polynomials over the named dims of the inputs.
    Products of two activations whose number grows with the context (attention
    scores) count only for a `context` that is given. What is no multiple of the
    tokens (a head for the last token only) is listed apart.

    Bytes of a run of `tokens` tokens: all weights outside of experts, those of
    the experts that uniform routing is expected to touch, and the rows that
    products read and write. Looked-up rows count, not their tables.

    Runs on layers, stages `moe` and `moe-opt`; a layer that was not raised counts
    as it was written. Changes nothing.

    ```mlir
    // moe-opt --moe-report-cost=loads=1.5
    func.func @main(%ids: tensor<?x3xi32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>)
        -> tensor<?x8xf32> {
      %y = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
          {experts = #moe.kinds<ffn = 4, zero = 4>} : tensor<?x3xi32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    has A = 0 and E = 128:
    ```text
    moe: top-3 of 4 experts and 4 null experts; one expert has 64 parameters in 256 B and takes 128 FLOP per token
    parameters: 256, 256 of experts
    FLOP per token (of arg1#0 tokens): 0 + load * 128, 0 of them for null columns
    load 1.5: 192 FLOP per token, 50.00 % less than with all slots; 96 active parameters
    ```
  }];
  let options = [
    ListOption<"loads", "loads", "double",
               "Experts per token; default: 1 to the number of slots">,
    ListOption<"tokens", "tokens", "int64_t", "Tokens per run, for bytes">,
    Option<"baseline", "baseline", "double", /*default=*/"0",
           "Experts per token of the model compared with">,
    Option<"context", "context", "int64_t", /*default=*/"0",
           "Length of the context that attention scores are counted for">,
    Option<"json", "json", "bool", /*default=*/"false",
           "Write one JSON object instead of text">
  ];
}

def ConvertWeightsPass : Pass<"moe-convert-weights", "::mlir::ModuleOp"> {
  let summary = "Keep matrices in a narrower type";
  let description = [{
    The f32 weights of `moe.grouped_matmul`s are rounded to bf16 or f16, by a
    step of their recipes: half the bytes to store and to read. Rows, sums and
    results stay f32, and so do routers and whatever else the model holds.

    ```mlir
    // moe-opt --moe-convert-weights=type=bf16
    rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 512, hash = 0,
                                     tensor<2x4x16xf32>>]} : tensor<2x4x16xf32>
    func.func @example(%x: tensor<?x4xf32>, %o: tensor<3xi32>, %y0: tensor<?x16xf32>) -> tensor<?x16xf32> {
      %w = rt.weight_ref @w : tensor<2x4x16xf32>
      %y = moe.grouped_matmul rows(%x : tensor<?x4xf32>) offsets(%o : tensor<3xi32>)
          weights(%w : tensor<2x4x16xf32>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      return %y : tensor<?x16xf32>
    }
    ```
    becomes
    ```mlir
    rt.weight @w.bf16 {recipe = [#rt.cast<bf16>],
        source = [#rt.span<"m.onnx", offset = 0, length = 512, hash = 0, tensor<2x4x16xf32>>]}
      : tensor<2x4x16xbf16>
    func.func @example(%x: tensor<?x4xf32>, %o: tensor<3xi32>, %y0: tensor<?x16xf32>) -> tensor<?x16xf32> {
      %w = rt.weight_ref @w.bf16 : tensor<2x4x16xbf16>
      %y = moe.grouped_matmul rows(%x : tensor<?x4xf32>) offsets(%o : tensor<3xi32>)
          weights(%w : tensor<2x4x16xbf16>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      return %y : tensor<?x16xf32>
    }
    ```
  }];
  let options = [
    Option<"type", "type", "::moe::WeightStorage",
           /*default=*/"::moe::WeightStorage::Unchanged",
           "The type that f32 matrices are rounded to",
           "::moe::WeightStorageValues()">
  ];
  let dependentDialects = ["::moe::rt::RTDialect"];
}

def ScheduleCPUPass : Pass<"moe-schedule-cpu", "::mlir::ModuleOp"> {
  let summary = "Choose how grouped matmuls run on a CPU";
  let description = [{
    Every `moe.grouped_matmul` on weights of the model gets a
    `#moe.cpu_schedule` for the CPU's vector registers and caches, and its
    weights become panels, by a step of their recipes. A schedule that is there
    stays as it is: edit it in the text and go on from there.

    Matrices that are computed become panels in every run, by `moe.pack`.
    Epilogues that are not elementwise, and types and columns that no kernel
    reads, stay loops; a remark says so.

    With `bf16-dot` products with bf16 weights of the model round rows to bf16
    and take two products at a time (`k_step`), by the CPU's dot product. An
    `isa` without one is an error, a model without bf16 weights a warning.

    ```mlir
    // moe-opt --moe-schedule-cpu=isa=avx512
    rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 2048, hash = 0,
                                     tensor<2x4x64xf32>>]} : tensor<2x4x64xf32>
    func.func @example(%x: tensor<?x4xf32>, %o: tensor<3xi32>, %y0: tensor<?x64xf32>) -> tensor<?x64xf32> {
      %w = rt.weight_ref @w : tensor<2x4x64xf32>
      %y = moe.grouped_matmul rows(%x : tensor<?x4xf32>) offsets(%o : tensor<3xi32>)
          weights(%w : tensor<2x4x64xf32>) outs(%y0 : tensor<?x64xf32>) -> tensor<?x64xf32> {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      return %y : tensor<?x64xf32>
    }
    ```
    becomes
    ```mlir
    rt.weight @w.panels {recipe = [#rt.pack<16>],
        source = [#rt.span<"m.onnx", offset = 0, length = 2048, hash = 0, tensor<2x4x64xf32>>]}
      : tensor<2x4x4x16xf32>
    func.func @example(%x: tensor<?x4xf32>, %o: tensor<3xi32>, %y0: tensor<?x64xf32>) -> tensor<?x64xf32> {
      %w = rt.weight_ref @w.panels : tensor<2x4x4x16xf32>
      %y = moe.grouped_matmul rows(%x : tensor<?x4xf32>) offsets(%o : tensor<3xi32>)
          weights(%w : tensor<2x4x4x16xf32>)
          {schedule = #moe.cpu_schedule<lanes = 16, rows = 12, vectors = 2, row_block = 84,
                                        k_block = 256, stream_rows = 3, stream_vectors = 4>}
          outs(%y0 : tensor<?x64xf32>) -> tensor<?x64xf32> {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      return %y : tensor<?x64xf32>
    }
    ```
  }];
  let options = [
    Option<"isa", "isa", "::moe::VectorISA",
           /*default=*/"::moe::VectorISA::None",
           "Vector instructions of the CPU; none: nothing is scheduled",
           "::moe::VectorISAValues()">,
    Option<"bf16Dot", "bf16-dot", "bool", /*default=*/"false",
           "Round rows to bf16 where weights are bf16, for the CPU's dot "
           "product">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect", "::moe::MoEDialect", "::moe::rt::RTDialect"
  ];
}

#endif // MOE_DIALECT_MOE_TRANSFORMS_PASSES_TD
