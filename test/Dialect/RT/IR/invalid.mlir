// RUN: moe-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{expected length to be the size of 'tensor<4x4xf32>', 64 bytes, but got 60}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 60, hash = 0, tensor<4x4xf32>>]} : tensor<4x4xf32>

// -----

// expected-error@+1 {{expected length to be the size of 'tensor<4611686018427387904x4xf32>', 18446744073709551615 bytes}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 60, hash = 0, tensor<4611686018427387904x4xf32>>]} : tensor<4x4xf32>

// -----

// expected-error@+1 {{expected a static tensor of numbers, but got 'tensor<?xf32>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<?xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected a static tensor of numbers, but got 'tensor<2xi4>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 2, hash = 0, tensor<2xi4>>]} : tensor<2xi4>

// -----

// expected-error@+1 {{offset 18446744073709551615 plus length 4 overflows}}
rt.weight @w {source = [#rt.span<"m", offset = 18446744073709551615, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected a file below the model's folder, but '../m' has '..'; it must stay in the model's folder}}
rt.weight @w {source = [#rt.span<"../m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected a file below the model's folder, but 'a/../../m' has '..'}}
rt.weight @w {source = [#rt.span<"a/../../m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected a file below the model's folder, but '/etc/passwd' is an absolute path; it must be relative to the model's folder}}
rt.weight @w {source = [#rt.span<"/etc/passwd", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected a file below the model's folder, but '' is not a file name}}
rt.weight @w {source = [#rt.span<"", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected at least one source span}}
rt.weight @w {source = []} : tensor<1xf32>

// -----

// expected-error@+1 {{expected the recipe to end in one tensor, but it ends in 2}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>,
                        #rt.span<"m", offset = 4, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// -----

// expected-error@+1 {{expected the recipe to give 'tensor<1xf64>', but it gives 'tensor<1xf32>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf64>

// -----

// expected-error@+1 {{#rt.stack expects tensors of one type}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>,
                        #rt.span<"m", offset = 4, length = 8, hash = 0, tensor<2xf32>>],
              recipe = [#rt.stack]} : tensor<2x1xf32>

// -----

// expected-error@+1 {{#rt.transpose expects a permutation of the 2 dims of 'tensor<2x1xf32>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2x1xf32>>],
              recipe = [#rt.transpose<[0, 0]>]} : tensor<1x2xf32>

// -----

// expected-error@+1 {{#rt.transpose expects a permutation of the 2 dims of 'tensor<2x1xf32>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2x1xf32>>],
              recipe = [#rt.transpose<[0]>]} : tensor<1x2xf32>

// -----

// expected-error@+1 {{#rt.cast expects bool, an integer of 8 to 64 bits, f16, bf16, f32 or f64, but got 'index'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>],
              recipe = [#rt.cast<index>]} : tensor<1xf32>

// -----

// expected-error@+2 {{expected panels of at least one column, but got 0}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2x1xf32>>],
              recipe = [#rt.pack<0>]} : tensor<1x2x1xf32>

// -----

// expected-error@+2 {{expected groups of at least one row, but got 0}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2x1xf32>>],
              recipe = [#rt.pack<16, pairs = 0>]} : tensor<1x2x16xf32>

// -----

// expected-error@+1 {{#rt.pack expects rows and columns, but got 'tensor<2xf32>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2xf32>>],
              recipe = [#rt.pack<16>]} : tensor<1x2x16xf32>

// -----

// expected-error@+1 {{expected the recipe to give 'tensor<2x16xf32>', but it gives 'tensor<1x2x16xf32>'}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2x1xf32>>],
              recipe = [#rt.pack<16>]} : tensor<2x16xf32>

// -----

// expected-error@+1 {{expected at most one #rt.pack in the recipe}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 8, hash = 0, tensor<2x1xf32>>],
              recipe = [#rt.pack<16>, #rt.pack<16>]} : tensor<1x1x2x16xf32>

// -----

// expected-error@+1 {{attribute 'recipe' failed to satisfy constraint: array of recipe steps}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>],
              recipe = [1]} : tensor<1xf32>

// -----

func.func @f() -> tensor<1xf32> {
  // expected-error@+1 {{expected @w to be an rt.weight of this module}}
  %w = rt.weight_ref @w : tensor<1xf32>
  return %w : tensor<1xf32>
}

// -----

// expected-note@+1 {{the weight is here}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>
func.func @f() -> tensor<2xf32> {
  // expected-error@+1 {{expected the type 'tensor<1xf32>', but got 'tensor<2xf32>'}}
  %w = rt.weight_ref @w : tensor<2xf32>
  return %w : tensor<2xf32>
}

// -----

// expected-note@+1 {{the weight is here}}
rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>
func.func @f() -> tensor<1xf64> {
  // expected-error@+1 {{expected the type 'tensor<1xf32>', but got 'tensor<1xf64>'}}
  %w = rt.weight_ref @w : tensor<1xf64>
  return %w : tensor<1xf64>
}

// -----

// expected-error@+1 {{expected 'rt.name' to be a string}}
func.func private @f(tensor<1xf32> {rt.name = 1})

// -----

// expected-error@+1 {{expected 'rt.dims' to be an array of one string per dim of 'tensor<1xf32>'}}
func.func private @f(tensor<1xf32> {rt.dims = ["a", "b"]})

// -----

// expected-error@+1 {{expected 'rt.dims' to be an array of one string per dim of 'tensor<1xf32>'}}
func.func private @f() -> (tensor<1xf32> {rt.dims = [1]})

// -----

// expected-error@+1 {{expected 'rt.type' to be a tensor type of the shape and element width of 'tensor<1xi8>'}}
func.func private @f(tensor<1xi8> {rt.type = tensor<2xui8>})

// -----

// expected-error@+1 {{expected 'rt.type' to be a tensor type of the shape and element width of 'tensor<1xi8>'}}
func.func private @f(tensor<1xi8> {rt.type = tensor<1xui16>})

// -----

// expected-error@+1 {{expected 'rt.type' to be a tensor type of the shape and element width of 'tensor<1xi8>'}}
func.func private @f(tensor<1xi8> {rt.type = "ui8"})

// -----

// expected-error@+1 {{unknown attribute 'rt.nmae' of the rt dialect}}
func.func private @f(tensor<1xf32> {rt.nmae = "x"})

// -----

// expected-error@+1 {{expected one dim name per dim of 'tensor<?x4xf32>', but got ["T"]}}
rt.entry @main inputs [#rt.value<"x", tensor<?x4xf32>, ["T"]>] outputs []

// -----

// expected-error@+1 {{expected a tensor of numbers, but got 'tensor<2xindex>'}}
rt.entry @main inputs [#rt.value<"x", tensor<2xindex>, [""]>] outputs []

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{expected @moe to be an rt.layer of this module}}
  rt.count @moe tokens by %n
  return
}

// -----

// expected-note@+1 {{the layer is here}}
rt.layer @moe {experts = 8 : i64, null_experts = 0 : i64, slots = 2 : i64}
func.func @f(%n: index) {
  // expected-error@+1 {{expected the layer @moe to be counted}}
  rt.count @moe tokens by %n
  return
}

// -----

rt.layer @moe {counted, experts = 8 : i64, null_experts = 0 : i64, slots = 2 : i64}
func.func @f(%n: index) {
  // expected-error@+1 {{expected an expert for 'expert_slots'}}
  rt.count @moe expert_slots by %n
  return
}

// -----

rt.layer @moe {counted, experts = 8 : i64, null_experts = 0 : i64, slots = 2 : i64}
func.func @f(%n: index) {
  // expected-error@+1 {{expected no expert for 'tokens'}}
  rt.count @moe tokens of %n by %n
  return
}

// -----

func.func @nested(%n: index) {
  rt.parallel %i below %n {
    // expected-error @+1 {{'rt.parallel' op does not nest}}
    rt.parallel %j below %n {
    }
  }
  return
}

// -----

func.func @no_index(%n: index) {
  // expected-error @+1 {{expected one index for the region to take}}
  "rt.parallel"(%n) ({
  ^bb0(%i: i64):
  }) : (index) -> ()
  return
}

// -----

// expected-error @+1 {{'rt.timer' op expected @moe to be an rt.layer of this module}}
rt.timer @gate gate at "moe/gate" of @moe

// -----

func.func @no_timer() {
  %start = rt.clock
  // expected-error @+1 {{'rt.record' op expected @gate to be an rt.timer of this module}}
  rt.record @gate since %start
  return
}
