// RUN: moe-opt %s --convert-moe-to-loops -verify-diagnostics

func.func @tensors(%i: tensor<?x2xi32>, %c: tensor<4xi32>, %o: tensor<5xi32>,
                   %s: tensor<?xi32>, %r: tensor<?x2xi32>) {
  // expected-error@+1 {{expected memrefs, but got tensors: bufferise first}}
  %0:3 = moe.dispatch ids(%i, %c : tensor<?x2xi32>, tensor<4xi32>)
    outs(%o, %s, %r : tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>)
    -> tensor<5xi32>, tensor<?xi32>, tensor<?x2xi32>
  return
}
