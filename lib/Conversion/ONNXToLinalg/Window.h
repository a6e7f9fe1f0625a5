//===- Window.h - Windows that slide over spatial dims ----------*- C++ -*-===//
//
// What convolutions and pools share: output extents and padding, a padded copy
// in which every window lies inside, and the loops over windows.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_WINDOW_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_WINDOW_H

#include "Contraction.h"

namespace moe::onnx {

/// Quotients and maxima of extents, folded when constant; quotients are rounded
/// towards negative and positive infinity.
mlir::OpFoldResult floorDivExtents(mlir::ImplicitLocOpBuilder &b,
                                   mlir::OpFoldResult lhs,
                                   mlir::OpFoldResult rhs);
mlir::OpFoldResult ceilDivExtents(mlir::ImplicitLocOpBuilder &b,
                                  mlir::OpFoldResult lhs,
                                  mlir::OpFoldResult rhs);
mlir::OpFoldResult maxExtents(mlir::ImplicitLocOpBuilder &b,
                              mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);

/// One spatial dim of a window op.
struct WindowDim {
  mlir::OpFoldResult input, kernel, output;
  mlir::OpFoldResult padBegin, padEnd;
  int64_t stride, dilation;

  /// Extent of what all windows cover, from the first padding on.
  mlir::OpFoldResult covered(mlir::ImplicitLocOpBuilder &b) const;
};

/// The attributes of a window op.
struct WindowAttributes {
  AutoPad autoPad;
  std::optional<llvm::ArrayRef<int64_t>> strides, dilations, pads;
  bool isCeil = false;
};

template <typename OpTy> WindowAttributes windowAttributes(OpTy op) {
  return {op.getAutoPad(), op.getStrides(), op.getDilations(), op.getPads()};
}

/// The spatial dims of an op that slides a kernel of these extents over
/// `spatial`. Ends the run if a window is larger than the padded input.
llvm::SmallVector<WindowDim>
windowDims(LoweringBuilder &b, llvm::ArrayRef<mlir::OpFoldResult> spatial,
           llvm::ArrayRef<mlir::OpFoldResult> kernel,
           const WindowAttributes &attributes);

/// `tensor` [N, C, spatial...] between `padding`s: element i of a spatial dim
/// of the result is element i - begin of `tensor`.
mlir::Value padSpatial(LoweringBuilder &b, mlir::Value tensor,
                       llvm::ArrayRef<mlir::OpFoldResult> begins,
                       llvm::ArrayRef<mlir::OpFoldResult> extents,
                       mlir::Value padding);

/// `tensor` so that all windows lie inside.
mlir::Value padForWindows(LoweringBuilder &b, mlir::Value tensor,
                          llvm::ArrayRef<WindowDim> dims, mlir::Value padding);

/// Folds `body(element, accumulator)` over each window of `padded` [N, C,
/// spatial...]: loops n, c, kernel, output.
mlir::Value
foldWindows(LoweringBuilder &b, mlir::Value padded,
            llvm::ArrayRef<WindowDim> dims, mlir::Value initial,
            llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                           mlir::Value, mlir::Value)>
                body);

/// The sums of products of a convolution without bias; `padded` has all
/// windows inside. Channels of both are in `group` groups; with `isTransposed`
/// weights are [C, M / group, kernel...], else [M, C / group, kernel...].
mlir::Value convolve(LoweringBuilder &b, mlir::Value padded,
                     mlir::Value weights, llvm::ArrayRef<WindowDim> dims,
                     int64_t group, bool isTransposed);

/// `tensor` plus `bias` per index of dim 1; the sum is cast to `resultType`.
mlir::Value addPerChannel(LoweringBuilder &b, mlir::Value tensor,
                          mlir::Value bias, mlir::Type resultType);

/// ONNX Conv without bias on lowered tensors; zeros outside.
mlir::Value convolution(LoweringBuilder &b, mlir::Value input,
                        mlir::Value weights, const WindowAttributes &attributes,
                        int64_t group);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_WINDOW_H
