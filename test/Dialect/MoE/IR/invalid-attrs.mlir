// RUN: moe-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{#moe.topk expects k >= 1, but got 0}}
func.func private @k() attributes {a = #moe.topk<0>}

// -----

// expected-error @+1 {{#moe.columns expects 0 <= begin < end, but got <3, 3>}}
func.func private @empty_range() attributes {a = #moe.columns<3, 3>}

// -----

// expected-error @+1 {{#moe.denominator<plus> expects a value}}
func.func private @no_value() attributes {a = #moe.denominator<plus>}

// -----

// expected-error @+1 {{#moe.denominator<zero_as_one> does not take a value}}
func.func private @value() attributes {a = #moe.denominator<zero_as_one 1.0>}

// -----

// expected-error @+1 {{expected a float}}
func.func private @no_float() attributes {a = #moe.denominator<plus "one">}

// -----

// expected-error @+1 {{#moe.groups expects 1 <= keep <= count, but got keep = 5, count = 4}}
func.func private @groups() attributes {a = #moe.groups<count = 4, keep = 5, score = max, masked = 0.0>}

// -----

// expected-error @+1 {{#moe.kinds expects runs of at least 1 id, but got zero = 0}}
func.func private @empty_run() attributes {a = #moe.kinds<ffn = 8, zero = 0>}

// -----

// expected-error @+1 {{expected ffn, zero, copy or constant, but got 'identity'}}
func.func private @kind() attributes {a = #moe.kinds<identity = 8>}
