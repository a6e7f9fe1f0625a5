//===- Passes.td - Conversions between dialects ------------*- tablegen -*-===//
#ifndef MOE_CONVERSION_PASSES_TD
#define MOE_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertONNXToLinalgPass
    : Pass<"convert-onnx-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower onnx ops to linalg, tensor, arith, math and scf";
  let description = [{
    The reference lowering: every `onnx` op becomes destination-style loops on
    tensors at any rank, with dynamic and zero dims. Integer shape arithmetic
    becomes scalar `index` arithmetic. What an op demands of its data becomes an
    `rt.require` ahead of it. Unsigned element types become signless.

    An op without a lowering is an error that names it.

    ```mlir
    func.func @example(%x: tensor<?xf32>) -> tensor<?xf32> {
      %y = onnx.Sqrt %x : (tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    }
    ```
    becomes
    ```mlir
    #same = affine_map<(i) -> (i)>
    func.func @example(%x: tensor<?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %size = tensor.dim %x, %c0 : tensor<?xf32>
      %empty = tensor.empty(%size) : tensor<?xf32>
      %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel"]}
          ins(%x : tensor<?xf32>) outs(%empty : tensor<?xf32>) {
      ^bb0(%in: f32, %out: f32):
        %root = math.sqrt %in : f32
        linalg.yield %root : f32
      } -> tensor<?xf32>
      return %y : tensor<?xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertMoELayersToKernelsPass
    : Pass<"convert-moe-layers-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Lower routes and experts to gates, dispatches and combines";
  let description = [{
    Runs among `onnx` ops, ahead of their lowering. `moe.route` becomes
    `moe.gate`, which takes in its `moe.renumber` and `moe.slot_sum` where
    nothing else needs the ids ahead of them. `moe.experts` becomes
    `moe.dispatch`, its body over the rows of each expert, and `moe.combine`. A
    body of matrix products with elementwise ops between them becomes
    `moe.grouped_matmul`s; any other is inlined into a loop over the experts.

    Kinds that are not `ffn` are lowered too: ids of zero experts are dropped,
    those of copy and constant experts get rows of their own. Ids that no route
    made are checked.

    ```mlir
    // moe-opt --convert-moe-layers-to-kernels --canonicalize --cse
    func.func @example(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>, %w: tensor<4x8x8xf32>)
        -> tensor<?x8xf32> {
      %i, %p = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
        -> tensor<?x2xi32>, tensor<?x2xf32>
      %y = moe.experts %i, %p rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
          {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
      ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
        %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
        moe.yield %o : tensor<?x8xf32>
      }
      return %y : tensor<?x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func @example(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>, %w: tensor<4x8x8xf32>)
        -> tensor<?x8xf32> {
      %c2 = arith.constant 2 : index
      %c0 = arith.constant 0 : index
      %tokens = tensor.dim %s, %c0 : tensor<?x4xf32>
      %i0 = tensor.empty(%tokens) : tensor<?x2xi32>
      %p0 = tensor.empty(%tokens) : tensor<?x2xf32>
      %n0 = tensor.empty() : tensor<4xi32>
      %ids, %p, %counts = moe.gate scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
          outs(%i0, %p0, %n0 : tensor<?x2xi32>, tensor<?x2xf32>, tensor<4xi32>)
          -> tensor<?x2xi32>, tensor<?x2xf32>, tensor<4xi32>
      %most = arith.muli %tokens, %c2 : index
      %o0 = tensor.empty() : tensor<5xi32>
      %s0 = tensor.empty(%most) : tensor<?xi32>
      %offsets, %slots, %rows = moe.dispatch ids(%ids, %counts : tensor<?x2xi32>, tensor<4xi32>)
          outs(%o0, %s0, %i0 : tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
          -> tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>
      %v0 = tensor.empty(%most) : tensor<?x8xf32>
      %values = moe.grouped_matmul rows(%x : tensor<?x8xf32>) slots(%slots : tensor<?xi32>)
          offsets(%offsets : tensor<5xi32>) weights(%w : tensor<4x8x8xf32>)
          {slots_per_row = 2 : i64} outs(%v0 : tensor<?x8xf32>) -> tensor<?x8xf32> {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      %y0 = tensor.empty(%tokens) : tensor<?x8xf32>
      %y = moe.combine values(%values : tensor<?x8xf32>) rows(%rows : tensor<?x2xi32>)
          weights(%p : tensor<?x2xf32>) outs(%y0 : tensor<?x8xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::moe::MoEDialect", "::moe::onnx::ONNXDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertMoEToLoopsPass : Pass<"convert-moe-to-loops", "::mlir::ModuleOp"> {
  let summary = "Lower gates, dispatches, grouped matmuls, combines to loops";
  let description = [{
    The kernels of `moe` on memrefs become loops. The arithmetic of a gate is
    that of the lowering of the `onnx` ops that it stands for, in the same
    order: the same bits. A token's results do not depend on other tokens.

    ```mlir
    // moe-opt --convert-moe-to-loops --canonicalize
    func.func @example(%values: memref<?x8xf32>, %rows: memref<?x2xi32>,
                       %weights: memref<?x2xf32>, %y: memref<?x8xf32>) {
      moe.combine values(%values : memref<?x8xf32>) rows(%rows : memref<?x2xi32>)
          weights(%weights : memref<?x2xf32>) outs(%y : memref<?x8xf32>)
      return
    }
    ```
    becomes
    ```mlir
    func.func @example(%values: memref<?x8xf32>, %rows: memref<?x2xi32>,
                       %weights: memref<?x2xf32>, %y: memref<?x8xf32>) {
      %none = arith.constant 0 : i32
      %zero = arith.constant 0.0 : f32
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c8 = arith.constant 8 : index
      %c0 = arith.constant 0 : index
      %sum = memref.alloca() : memref<8xf32>
      %tokens = memref.dim %y, %c0 : memref<?x8xf32>
      scf.for %t = %c0 to %tokens step %c1 {
        scf.for %j = %c0 to %c8 step %c1 {
          memref.store %zero, %sum[%j] : memref<8xf32>
        }
        scf.for %slot = %c0 to %c2 step %c1 {
          %row = memref.load %rows[%t, %slot] : memref<?x2xi32>
          %taken = arith.cmpi sge, %row, %none : i32
          scf.if %taken {
            %r = arith.index_cast %row : i32 to index
            %weight = memref.load %weights[%t, %slot] : memref<?x2xf32>
            scf.for %j = %c0 to %c8 step %c1 {
              %value = memref.load %values[%r, %j] : memref<?x8xf32>
              %part = arith.mulf %weight, %value : f32
              %before = memref.load %sum[%j] : memref<8xf32>
              %after = arith.addf %before, %part : f32
              memref.store %after, %sum[%j] : memref<8xf32>
            }
          }
        }
        scf.for %j = %c0 to %c8 step %c1 {
          %value = memref.load %sum[%j] : memref<8xf32>
          memref.store %value, %y[%t, %j] : memref<?x8xf32>
        }
      }
      return
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::moe::rt::RTDialect"
  ];
}

def ConvertLinalgToMoEPass : Pass<"convert-linalg-to-moe", "::mlir::ModuleOp"> {
  let summary = "Turn matrix products into grouped matmuls";
  let description = [{
    A sum of products of rows with a weight, whatever the leading dims of the
    rows, becomes a `moe.grouped_matmul` of one expert. Transposes of the weight
    become a step of its recipe. The product of two batches of matrices, as in
    attention, has an expert per matrix. Projections of gates leave them: they
    are such products, too.

    ```mlir
    // moe-opt --convert-linalg-to-moe
    rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 32, hash = 0,
                                     tensor<4x2xf32>>]} : tensor<4x2xf32>
    func.func @example(%x: tensor<?x4xf32>, %m: index) -> tensor<?x2xf32> {
      %zero = arith.constant 0.0 : f32
      %w = rt.weight_ref @w : tensor<4x2xf32>
      %empty = tensor.empty(%m) : tensor<?x2xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x2xf32>) -> tensor<?x2xf32>
      %y = linalg.generic {
          indexing_maps = [affine_map<(m, k, n) -> (m, k)>, affine_map<(m, k, n) -> (k, n)>,
                           affine_map<(m, k, n) -> (m, n)>],
          iterator_types = ["parallel", "reduction", "parallel"]}
          ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) {
      ^bb0(%a: f32, %b: f32, %sum: f32):
        %product = arith.mulf %a, %b : f32
        %next = arith.addf %sum, %product : f32
        linalg.yield %next : f32
      } -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    ```
    becomes
    ```mlir
    rt.weight @w.matrix {recipe = [#rt.stack],
        source = [#rt.span<"m.onnx", offset = 0, length = 32, hash = 0, tensor<4x2xf32>>]}
      : tensor<1x4x2xf32>
    func.func @example(%x: tensor<?x4xf32>, %m: index) -> tensor<?x2xf32> {
      %c0 = arith.constant 0 : index
      %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
      %w = rt.weight_ref @w.matrix : tensor<1x4x2xf32>
      %end = arith.index_cast %rows : index to i32
      %first = arith.constant 0 : i32
      %offsets = tensor.from_elements %first, %end : tensor<2xi32>
      %out = tensor.empty(%rows) : tensor<?x2xf32>
      %y = moe.grouped_matmul rows(%x : tensor<?x4xf32>) offsets(%offsets : tensor<2xi32>)
          weights(%w : tensor<1x4x2xf32>) outs(%out : tensor<?x2xf32>) -> tensor<?x2xf32> {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      return %y : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::moe::MoEDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertMoEToCPUPass : Pass<"convert-moe-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Build the kernels that CPU schedules ask for";
  let description = [{
    Every `moe.grouped_matmul` on memrefs with a `#moe.cpu_schedule` becomes
    loops around micro-kernels: functions, shared by the module, that keep a tile
    of sums in vector registers. Threads share its columns. Others stay as they
    are. A schedule with a `k_step` of 2 takes the CPU's dot product of bf16
    (`x86vector.avx512.dot`) in place of `vector.fma`.

    With an `isa`, gates and combines on memrefs become loops of its vectors, too,
    where threads share the tokens. A gate computes what its loops would, but for
    its `exp` and the order of its softmax's sum. Gates on f64, or on a number of
    columns that only a run knows, stay for `convert-moe-to-loops`, and a remark
    says so.

    ```mlir
    // moe-opt --convert-moe-to-cpu --canonicalize --cse
    func.func @example(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x4x4x4xf32>,
                       %y: memref<?x16xf32>) {
      moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>)
          weights(%w : memref<2x4x4x4xf32>)
          {schedule = #moe.cpu_schedule<lanes = 4, rows = 1, vectors = 1, row_block = 4,
                                        k_block = 256, stream_rows = 1, stream_vectors = 1>}
          outs(%y : memref<?x16xf32>) {
      ^bb0(%sum: f32):
        moe.yield %sum : f32
      }
      return
    }
    ```
    has, in the loop over products of a micro-kernel of one row and one vector,
    ```mlir
    %at = arith.addi %start, %offset : index
    %part = vector.load %panel[%at] : memref<?xf32>, vector<4xf32>
    %i = arith.addi %row, %k : index
    %one = memref.load %rows[%i] : memref<?xf32>
    %all = vector.broadcast %one : f32 to vector<4xf32>
    %new = vector.fma %all, %part, %sum : vector<4xf32>
    ```

    A combine keeps the sums of some columns in registers over a token's slots:
    ```mlir
    // moe-opt --convert-moe-to-cpu=isa=avx2 --canonicalize --cse
    func.func @example(%values: memref<?x8xf32>, %rows: memref<?x2xi32>,
                       %weights: memref<?x2xf32>, %y: memref<?x8xf32>) {
      moe.combine values(%values : memref<?x8xf32>) rows(%rows : memref<?x2xi32>)
          weights(%weights : memref<?x2xf32>) outs(%y : memref<?x8xf32>)
      return
    }
    ```
    has, for the part of a row that a slot takes,
    ```mlir
    %weighted = arith.mulf %weight, %part : vector<8xf32>
    %new = arith.addf %sum, %weighted : vector<8xf32>
    ```
  }];
  let options = [
    Option<"isa", "isa", "::moe::VectorISA",
           /*default=*/"::moe::VectorISA::None",
           "Vector instructions of the CPU; none: gates and combines stay",
           "::moe::VectorISAValues()">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::x86vector::X86VectorDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertLinalgToCPUPass : Pass<"convert-linalg-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Lower linalg on memrefs to loops of vectors";
  let description = [{
    Elementwise ops, copies, transposes and reductions become loops whose
    innermost one computes vectors, and what is left at its end by a mask. What
    is the same along that loop is computed once. A reduction along it keeps
    several vectors of sums, and adds their elements in pairs: the order depends
    on the number of elements alone. Functions without an instruction become
    polynomials, within 2 ulp of f32.

    Matrix products stay, and what has no form on vectors; the loops of
    `convert-linalg-to-loops` are for them.

    ```mlir
    // moe-opt --convert-linalg-to-cpu=isa=avx2 --canonicalize
    func.func @example(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
      linalg.negf ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>)
      return
    }
    ```
    becomes
    ```mlir
    func.func @example(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
      %c32 = arith.constant 32 : index
      %c8 = arith.constant 8 : index
      %c0 = arith.constant 0 : index
      %from = memref.collapse_shape %x [[0, 1]] : memref<4x8xf32> into memref<32xf32>
      %to = memref.collapse_shape %y [[0, 1]] : memref<4x8xf32> into memref<32xf32>
      scf.for %i = %c0 to %c32 step %c8 {
        %in = vector.load %from[%i] : memref<32xf32>, vector<8xf32>
        %out = arith.negf %in : vector<8xf32>
        vector.store %out, %to[%i] : memref<32xf32>, vector<8xf32>
      }
      return
    }
    ```
  }];
  let options = [
    Option<"isa", "isa", "::moe::VectorISA",
           /*default=*/"::moe::VectorISA::None",
           "Vector instructions of the CPU; none: nothing is lowered",
           "::moe::VectorISAValues()">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertRTToLLVMPass : Pass<"convert-rt-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower what a model asks of its runtime to calls";
  let description = [{
    `rt.weight_ref` on memrefs becomes a call of `moe_rt_weight` with the
    weight's slot, its position among the module's `rt.weight`s; `rt.require`
    becomes a call of `moe_rt_require`, `rt.count` one of `moe_rt_count` with the
    counter's place in the context. `rt.parallel` becomes a function and a call
    of `moe_rt_parallel`, `rt.num_threads` one of `moe_rt_num_threads`. The
    `rt.weight`s and `rt.layer`s themselves
    stay: they are the tables of the artefact. What the arguments of the public
    function are called moves to an `rt.entry`.

    ```mlir
    func.func @main(%ok: memref<i1> {rt.name = "ok", rt.dims = []}) {
      %held = memref.load %ok[] : memref<i1>
      rt.require %held, "indices must be in [0, 7]" at "/Gather"
      return
    }
    ```
    becomes
    ```mlir
    rt.entry @main inputs [#rt.value<"ok", tensor<i1>, []>] outputs []
    func.func @main(%ok: memref<i1>) attributes {llvm.emit_c_interface} {
      %held = memref.load %ok[] : memref<i1>
      %message = llvm.mlir.addressof @rt_message : !llvm.ptr
      %where = llvm.mlir.addressof @rt_message_0 : !llvm.ptr
      llvm.call @moe_rt_require(%held, %message, %where) : (i1, !llvm.ptr, !llvm.ptr) -> ()
      return
    }
    llvm.func @moe_rt_require(i1 {llvm.zeroext}, !llvm.ptr, !llvm.ptr)
    llvm.mlir.global private constant @rt_message("indices must be in [0, 7]\00") {addr_space = 0 : i32}
    llvm.mlir.global private constant @rt_message_0("/Gather\00") {addr_space = 0 : i32}
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::moe::rt::RTDialect"];
}

#endif // MOE_CONVERSION_PASSES_TD
