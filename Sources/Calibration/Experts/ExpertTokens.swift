import Graphs

/// The tokens that an expert runs on in one batch.
public struct ExpertTokens: Sendable, Equatable {
  /// Their numbers, ascending.
  public var tokens: [Int]
  /// For each whether it chose the expert; the others are `ExtraTokens`.
  public var isOwn: [Bool]

  /// The tokens of `route` in a batch of which `table` has the weights and the choices.
  public init(_ route: ExpertRoute, in table: ValueTable) {
    guard let weights = table[route.weights], let chosen = table[route.chosen] else {
      preconditionFailure("the choices of expert \(route.expert) are gone")
    }
    tokens = Self.rows(of: route.expert, chosen: chosen)
    let experts = weights.shape[1]
    isOwn = weights.withElements(as: Float.self) { [tokens] weights in
      tokens.map { weights[$0 * experts + route.expert] != 0 }
    }
  }

  /// How many chose the expert.
  public var ownCount: Int { isOwn.count { $0 } }

  /// Only those that chose the expert.
  public var own: ExpertTokens {
    var result = self
    result.tokens = zip(tokens, isOwn).compactMap { $1 ? $0 : nil }
    result.isOwn = Array(repeating: true, count: result.tokens.count)
    return result
  }

  /// The rows of `matrix`, which has one for each of these tokens, that are those of `others`, which are among them.
  ///
  /// - Parameter extraFactor: what the rows of extra tokens of `others` are multiplied by.
  public func rows(of matrix: Tensor, for others: ExpertTokens, extraFactor: Float = 1) -> Tensor {
    precondition(matrix.shape[0] == tokens.count, "\(matrix.shape) for \(tokens.count) tokens")
    let isScaled = extraFactor != 1 && others.isOwn.contains(false)
    if tokens == others.tokens, !isScaled { return matrix }
    var rows: [Int] = []
    var next = 0
    for token in others.tokens {
      while next < tokens.count, tokens[next] < token { next += 1 }
      precondition(next < tokens.count && tokens[next] == token, "token \(token) is not the expert's")
      rows.append(next)
    }
    return matrix.rows(rows, factors: isScaled ? others.isOwn.map { $0 ? 1 : extraFactor } : nil)
  }

  /// The tokens that run through `expert`, ascending, by a bool tensor of (tokens, experts).
  static func rows(of expert: Int, chosen: Tensor) -> [Int] {
    let experts = chosen.shape[1]
    return chosen.withElements(as: Bool.self) { chosen in
      stride(from: expert, to: chosen.count, by: experts).compactMap { chosen[$0] ? $0 / experts : nil }
    }
  }
}

extension Tensor {
  /// A matrix of these rows of a float32 matrix, each times its factor.
  func rows(_ rows: [Int], factors: [Float]? = nil) -> Tensor {
    let width = shape[1]
    return Tensor(shape: [rows.count, width]) { (target: UnsafeMutableBufferPointer<Float>) in
      withElements { (source: UnsafeBufferPointer<Float>) in
        for (place, row) in rows.enumerated() {
          let from = UnsafeBufferPointer(rebasing: source[row * width..<(row + 1) * width])
          let to = UnsafeMutableBufferPointer(rebasing: target[place * width..<(place + 1) * width])
          let factor = factors?[place] ?? 1
          if factor == 1 {
            _ = to.update(from: from)
          } else {
            for column in from.indices { to[column] = factor * from[column] }
          }
        }
      }
    }
  }
}
