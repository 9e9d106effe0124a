import Foundation
import Graphs
import LinearAlgebra

/// How unlikely a language model finds tokens: -log softmax(logits)[token], in nats.
///
/// Any number of threads may use one object.
public final class TokenLoss: Sendable {
  private let vocabulary: Int
  private let exponential: DNNElementwise

  /// Prepares for logits of `vocabulary` tokens, at least one.
  public init(vocabulary: Int) throws(OperatorError) {
    self.vocabulary = vocabulary
    exponential = try ComputeChecks.library { () throws(DNNError) in
      try DNNElementwise(.exponential, count: vocabulary)
    }
  }

  /// The sum of the losses of `targets`, one per row of `logits` (rows x vocabulary, float32).
  ///
  /// Exponentials are float32, their sums and everything behind float64. A NaN among the logits makes the sum NaN.
  public func sum(_ logits: Tensor, targets: ArraySlice<Int>) throws(OperatorError) -> Double {
    precondition(logits.shape == [targets.count, vocabulary], "\(logits.shape) for \(targets.count) targets")
    var total = 0.0
    try Temporary.withFloats(vocabulary) { scratch throws(OperatorError) in
      let scratch = UnsafeMutableBufferPointer(start: scratch, count: vocabulary)
      try logits.withElements { (logits: UnsafeBufferPointer<Float>) throws(OperatorError) in
        for (row, target) in targets.enumerated() {
          let line = UnsafeBufferPointer(rebasing: logits[row * vocabulary..<(row + 1) * vocabulary])
          let largest = LaneSums.maximum(line)
          for i in scratch.indices { scratch[i] = line[i] - largest }
          try ComputeChecks.library { () throws(DNNError) in
            try exponential.run(UnsafeBufferPointer(scratch), into: scratch)
          }
          total += log(Self.sum(scratch)) + Double(largest) - Double(line[target])
        }
      }
    }
    return total
  }

  /// The sum in float64, in eight lanes.
  private static func sum(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
    var lanes = SIMD8<Double>()
    let whole = values.count / 8 * 8
    let bytes = UnsafeRawPointer(values.baseAddress!)
    for start in stride(from: 0, to: whole, by: 8) {
      lanes += SIMD8<Double>(bytes.loadUnaligned(fromByteOffset: start * 4, as: SIMD8<Float>.self))
    }
    for index in whole..<values.count { lanes[index - whole] += Double(values[index]) }
    return lanes.sum()
  }
}
