import Graphs
import LinearAlgebra
import MPI

/// What the products of a language model's layers, and the sums for Hessians, are computed from.
public enum ComputeType: String, Sendable, CaseIterable, Codable {
  /// float32.
  case float32
  /// Inputs and weights of layers rounded to bfloat16, as the model runs in practice; products are exact and sums float32.
  case bf16

  /// The choice for all ranks: what was asked for, else bf16 for language models where every rank's CPU multiplies it fast.
  /// Collective. Throws if bf16 was asked for and a CPU lacks it.
  public static func agreed(
    asked: ComputeType?, isLanguageModel: Bool, _ world: borrowing Communicator
  ) throws -> ComputeType {
    var lacking = [Int64(GEMM.hasFastBFloat16 ? 0 : 1)]
    try world.allReduce(&lacking, .sum)
    guard let asked else { return isLanguageModel && lacking[0] == 0 ? .bf16 : .float32 }
    if asked == .bf16, lacking[0] > 0 {
      throw CoordinationError.compute(
        "--compute bf16 needs a CPU with AVX512_BF16, which \(lacking[0]) of \(world.size) ranks lack; "
          + "use --compute float32")
    }
    return asked
  }

  /// The elements that layers read.
  var elementType: ElementType { self == .bf16 ? .bfloat16 : .float32 }
}
