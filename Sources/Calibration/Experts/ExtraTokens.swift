import Graphs

/// Tokens that run through experts which they did not choose.
///
/// An expert's layers see these too; the sum of the experts, with a weight of 0 for them, does not.
public struct ExtraTokens: Sendable {
  /// Further choices, bool (tokens, experts), by the value that they are added to: those of another network, so that both
  /// have an expert's inputs for the same tokens.
  public var choices: [ValueID: Tensor]
  /// An expert that fewer tokens chose takes on those that came next to choosing it, by their shares, until it has as many
  /// as this, or all.
  public var fewest: Int

  /// No tokens, or those.
  public init(choices: [ValueID: Tensor] = [:], fewest: Int = 0) { (self.choices, self.fewest) = (choices, fewest) }

  /// What an ExpertWeights has `chosen` for `value`, and the extra tokens; `shares` is what it chose by.
  func added(to chosen: Tensor, of value: ValueID, shares: Tensor) -> Tensor {
    let other = choices[value]
    if other == nil, fewest == 0 { return chosen }
    let (tokens, experts) = (chosen.shape[0], chosen.shape[1])
    return Tensor(shape: chosen.shape) { (result: UnsafeMutableBufferPointer<Bool>) in
      chosen.withElements { _ = result.update(from: $0) }
      other?.withElements { (other: UnsafeBufferPointer<Bool>) in
        for index in other.indices where other[index] { result[index] = true }
      }
      guard fewest > 0 else { return }
      shares.withElements { (shares: UnsafeBufferPointer<Float>) in
        for expert in 0..<experts {
          let places = stride(from: expert, to: tokens * experts, by: experts)
          let missing = min(fewest, tokens) - places.count { result[$0] }
          guard missing > 0 else { continue }
          let next = places.filter { !result[$0] }
            .sorted { shares[$0] != shares[$1] ? shares[$0] > shares[$1] : $0 < $1 }
          for place in next.prefix(missing) { result[place] = true }
        }
      }
    }
  }
}
