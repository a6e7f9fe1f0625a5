// RUN: moe-opt %s --moe-outline-kernels -verify-diagnostics

// expected-error@+1 {{expected a public function: the model's entry}}
module {}
