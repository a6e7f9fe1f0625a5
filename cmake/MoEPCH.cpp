//===- MoEPCH.cpp - Carrier of the precompiled header ---------------------===//
