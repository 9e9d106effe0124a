import Foundation

/// The error function of a float32 number, as the C library computes it.
@inline(__always)
func errorFunction(_ x: Float) -> Float { erff(x) }
