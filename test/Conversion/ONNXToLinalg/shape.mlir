// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize --cse | FileCheck %s
//
// The form that layout ops take: views where the order of elements is kept or
// steps are positive, one loop nest elsewhere, preconditions ahead.

// A shape whose product is not visibly the data's: the number of elements is
// checked. (One group of dims: canonicalisation makes it a tensor.reshape.)
// CHECK-LABEL: func @reshape_unknown
// CHECK: rt.require %{{.*}}, "the shape must keep the number of elements"
// CHECK: tensor.reshape
// CHECK-NOT: linalg
func.func @reshape_unknown(%x: tensor<?x?xf32>, %s: tensor<3xi64>) -> tensor<?x?x?xf32> {
  %0 = onnx.Reshape %x, %s : (tensor<?x?xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// The -1 takes what the copied dims leave: visible, so nothing is checked.
// CHECK-LABEL: func @reshape_rest
// CHECK-NOT: rt.require
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]]
func.func @reshape_rest(%x: tensor<?x?x8xf32>) -> tensor<?x?xf32> {
  %s = onnx.Constant dense<[0, -1]> : tensor<2xi64>
  %0 = onnx.Reshape %x, %s : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func @reshape_scalar
// CHECK: tensor.collapse_shape %{{.*}} [] : tensor<1x1xf32> into tensor<f32>
func.func @reshape_scalar(%x: tensor<1x1xf32>, %s: tensor<0xi64>) -> tensor<f32> {
  %0 = onnx.Reshape %x, %s : (tensor<1x1xf32>, tensor<0xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func @squeeze_checks_extent
// CHECK: rt.require %{{.*}}, "dim 1 must be 1 to be removed"
func.func @squeeze_checks_extent(%x: tensor<4x?xf32>) -> tensor<4xf32> {
  %a = onnx.Constant dense<1> : tensor<1xi64>
  %0 = onnx.Squeeze %x, %a : (tensor<4x?xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Only a dim of extent 1 moves: a view.
// CHECK-LABEL: func @transpose_of_one
// CHECK-NOT: linalg
// CHECK: tensor.expand_shape
func.func @transpose_of_one(%x: tensor<?x1x8xf32>) -> tensor<1x?x8xf32> {
  %0 = onnx.Transpose %x {perm = array<i64: 1, 0, 2>} : (tensor<?x1x8xf32>) -> tensor<1x?x8xf32>
  return %0 : tensor<1x?x8xf32>
}

// CHECK-LABEL: func @transpose
// CHECK: linalg.transpose {{.*}} permutation = [1, 0]
func.func @transpose(%x: tensor<?x8xf32>) -> tensor<8x?xf32> {
  %0 = onnx.Transpose %x : (tensor<?x8xf32>) -> tensor<8x?xf32>
  return %0 : tensor<8x?xf32>
}

// Each input is inserted where the one before ends.
// CHECK-LABEL: func @concat
// CHECK: rt.require %{{.*}}, "inputs must have one extent of dim 0"
// CHECK: %[[E:.*]] = tensor.empty(%{{.*}}) : tensor<?x12xf32>
// CHECK: %[[A:.*]] = tensor.insert_slice %{{.*}} into %[[E]][0, 0]
// CHECK: tensor.insert_slice %{{.*}} into %[[A]][0, 8]
// CHECK-NOT: linalg
func.func @concat(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) -> tensor<?x12xf32> {
  %0 = onnx.Concat %x, %y {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x12xf32>
  return %0 : tensor<?x12xf32>
}

// The last chunk is what is left.
// CHECK-LABEL: func @split_uneven
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [%{{.*}}, 4]
// CHECK: tensor.extract_slice %{{.*}}[0, 4] [%{{.*}}, 3]
// CHECK-NOT: rt.require
func.func @split_uneven(%x: tensor<?x7xf32>) -> (tensor<?x4xf32>, tensor<?x3xf32>) {
  %0:2 = onnx.Split %x {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x7xf32>) -> (tensor<?x4xf32>, tensor<?x3xf32>)
  return %0#0, %0#1 : tensor<?x4xf32>, tensor<?x3xf32>
}

// x[1:] of a dynamic dim: a view.
// CHECK-LABEL: func @slice_tail
// CHECK-NOT: linalg
// CHECK: tensor.extract_slice
func.func @slice_tail(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %s = onnx.Constant dense<1> : tensor<1xi64>
  %e = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %0 = onnx.Slice %x, %s, %e : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// A step that is not known may be negative: read element by element.
// CHECK-LABEL: func @slice_by_data
// CHECK: rt.require %{{.*}}, "steps must not be 0"
// CHECK: linalg.generic
// CHECK: tensor.extract
func.func @slice_by_data(%x: tensor<?xf32>, %i: tensor<1xi64>) -> tensor<?xf32> {
  %0 = onnx.Slice %x, %i, %i axes(%i) steps(%i)
      : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// The result type knows what the operands do not say: checked, then used.
// CHECK-LABEL: func @static_result_is_checked
// CHECK: rt.require %{{.*}}, "dim 0 of the result must be 4"
// CHECK: tensor<4xf32>
func.func @static_result_is_checked(%s: tensor<1xi64>) -> tensor<4xf32> {
  %0 = onnx.ConstantOfShape %s : (tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func @pad_constant
// CHECK: linalg.fill
// CHECK: tensor.insert_slice %{{.*}}[0, 2]
func.func @pad_constant(%x: tensor<?x8xf32>) -> tensor<?x11xf32> {
  %p = onnx.Constant dense<[2, 1]> : tensor<2xi64>
  %a = onnx.Constant dense<-1> : tensor<1xi64>
  %0 = onnx.Pad %x, %p axes(%a) : (tensor<?x8xf32>, tensor<2xi64>, tensor<1xi64>) -> tensor<?x11xf32>
  return %0 : tensor<?x11xf32>
}

// An empty dim has no last element to repeat.
// CHECK-LABEL: func @pad_edge
// CHECK: rt.require %{{.*}}, "only mode constant pads a dim of extent 0"
// CHECK: linalg.generic
func.func @pad_edge(%x: tensor<?xf32>) -> tensor<?xf32> {
  %p = onnx.Constant dense<[2, 1]> : tensor<2xi64>
  %0 = onnx.Pad %x, %p {mode = #onnx.pad_mode<edge>} : (tensor<?xf32>, tensor<2xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func @range_of_data
// CHECK: rt.require %{{.*}}, "delta must not be 0"
// CHECK: linalg.generic
func.func @range_of_data(%a: tensor<i64>, %b: tensor<i64>, %c: tensor<i64>) -> tensor<?xi64> {
  %0 = onnx.Range %a, %b, %c : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// CHECK-LABEL: func @depth_to_space
// CHECK: tensor.expand_shape
// CHECK: linalg.transpose
// CHECK: tensor.collapse_shape
func.func @depth_to_space(%x: tensor<?x8x3x5xf32>) -> tensor<?x2x6x10xf32> {
  %0 = onnx.DepthToSpace %x {blocksize = 2 : i64} : (tensor<?x8x3x5xf32>) -> tensor<?x2x6x10xf32>
  return %0 : tensor<?x2x6x10xf32>
}

// CHECK-LABEL: func @reverse_sequence
// CHECK: rt.require %{{.*}}, "sequence_lens must be in [0, extent of the time dim]"
func.func @reverse_sequence(%x: tensor<4x?xf32>, %l: tensor<?xi64>) -> tensor<4x?xf32> {
  %0 = onnx.ReverseSequence %x, %l : (tensor<4x?xf32>, tensor<?xi64>) -> tensor<4x?xf32>
  return %0 : tensor<4x?xf32>
}
