//===- ONNXEnums.td - Closed sets of ONNX string attributes -*- tablegen -*-===//
//
// A case's string is ONNX's own spelling. `symbolizeStringAttr` (ONNX.h) maps an
// operator's string attribute to its enum.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_ONNXENUMS_TD
#define MOE_DIALECT_ONNX_IR_ONNXENUMS_TD

include "moe/Dialect/ONNX/IR/ONNXBase.td"

class ONNX_I32Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::moe::onnx";
  let genSpecializedAttr = 0;
}

def ONNX_ScatterReduction : ONNX_I32Enum<"ScatterReduction",
    "What a scatter does with the value that is there", [
      I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
      I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
      I32EnumAttrCase<"Min", 4, "min">]>;
def ONNX_ScatterReductionAttr
    : ONNX_EnumAttr<ONNX_ScatterReduction, "reduction"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_GeluApproximation : ONNX_I32Enum<"GeluApproximation",
    "How Gelu computes the normal distribution", [
      I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Tanh", 1, "tanh">]>;
def ONNX_GeluApproximationAttr
    : ONNX_EnumAttr<ONNX_GeluApproximation, "approximate"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_ShiftDirection : ONNX_I32Enum<"ShiftDirection",
    "Where BitShift moves bits", [
      I32EnumAttrCase<"Left", 0, "LEFT">, I32EnumAttrCase<"Right", 1, "RIGHT">]>;
def ONNX_ShiftDirectionAttr : ONNX_EnumAttr<ONNX_ShiftDirection, "shift"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_PadMode : ONNX_I32Enum<"PadMode", "What stands outside of a tensor", [
      I32EnumAttrCase<"Constant", 0, "constant">,
      I32EnumAttrCase<"Reflect", 1, "reflect">,
      I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]>;
def ONNX_PadModeAttr : ONNX_EnumAttr<ONNX_PadMode, "pad_mode"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_DepthMode : ONNX_I32Enum<"DepthMode",
    "Whether depth is the inner digit of a channel (DCR) or the outer one", [
      I32EnumAttrCase<"DCR", 0>, I32EnumAttrCase<"CRD", 1>]>;
def ONNX_DepthModeAttr : ONNX_EnumAttr<ONNX_DepthMode, "depth_mode"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_CacheMode : ONNX_I32Enum<"CacheMode",
    "What writing past the end of a cache does", [
      I32EnumAttrCase<"Linear", 0, "linear">,
      I32EnumAttrCase<"Circular", 1, "circular">]>;
def ONNX_CacheModeAttr : ONNX_EnumAttr<ONNX_CacheMode, "cache_mode"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_AutoPad : ONNX_I32Enum<"AutoPad", "How a window op pads", [
      I32EnumAttrCase<"NotSet", 0, "NOTSET">,
      I32EnumAttrCase<"SameUpper", 1, "SAME_UPPER">,
      I32EnumAttrCase<"SameLower", 2, "SAME_LOWER">,
      I32EnumAttrCase<"Valid", 3, "VALID">]>;
def ONNX_AutoPadAttr : ONNX_EnumAttr<ONNX_AutoPad, "auto_pad"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_ResizeMode : ONNX_I32Enum<"ResizeMode", "How Resize interpolates", [
      I32EnumAttrCase<"Nearest", 0, "nearest">,
      I32EnumAttrCase<"Linear", 1, "linear">,
      I32EnumAttrCase<"Cubic", 2, "cubic">]>;
def ONNX_ResizeModeAttr : ONNX_EnumAttr<ONNX_ResizeMode, "resize_mode"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_CoordinateMode : ONNX_I32Enum<"CoordinateMode",
    "Which coordinate of the input a coordinate of Resize's result is", [
      I32EnumAttrCase<"HalfPixel", 0, "half_pixel">,
      I32EnumAttrCase<"HalfPixelSymmetric", 1, "half_pixel_symmetric">,
      I32EnumAttrCase<"PytorchHalfPixel", 2, "pytorch_half_pixel">,
      I32EnumAttrCase<"AlignCorners", 3, "align_corners">,
      I32EnumAttrCase<"Asymmetric", 4, "asymmetric">,
      I32EnumAttrCase<"TfCropAndResize", 5, "tf_crop_and_resize">]>;
def ONNX_CoordinateModeAttr
    : ONNX_EnumAttr<ONNX_CoordinateMode, "coordinate_mode"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_NearestMode : ONNX_I32Enum<"NearestMode",
    "How a coordinate is rounded to a nearest element", [
      I32EnumAttrCase<"RoundPreferFloor", 0, "round_prefer_floor">,
      I32EnumAttrCase<"RoundPreferCeil", 1, "round_prefer_ceil">,
      I32EnumAttrCase<"Floor", 2, "floor">,
      I32EnumAttrCase<"Ceil", 3, "ceil">]>;
def ONNX_NearestModeAttr : ONNX_EnumAttr<ONNX_NearestMode, "nearest_mode"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_AspectPolicy : ONNX_I32Enum<"AspectPolicy",
    "How Resize reads sizes", [
      I32EnumAttrCase<"Stretch", 0, "stretch">,
      I32EnumAttrCase<"NotLarger", 1, "not_larger">,
      I32EnumAttrCase<"NotSmaller", 2, "not_smaller">]>;
def ONNX_AspectPolicyAttr : ONNX_EnumAttr<ONNX_AspectPolicy, "aspect_policy"> {
  let assemblyFormat = "`<` $value `>`";
}

def ONNX_ExpertActivation : ONNX_I32Enum<"ExpertActivation",
    "What an expert of com.microsoft::MoE does between its matrices", [
      I32EnumAttrCase<"Relu", 0, "relu">, I32EnumAttrCase<"Gelu", 1, "gelu">,
      I32EnumAttrCase<"Silu", 2, "silu">,
      I32EnumAttrCase<"Swiglu", 3, "swiglu">,
      I32EnumAttrCase<"Identity", 4, "identity">]>;
def ONNX_ExpertActivationAttr
    : ONNX_EnumAttr<ONNX_ExpertActivation, "activation"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif // MOE_DIALECT_ONNX_IR_ONNXENUMS_TD
