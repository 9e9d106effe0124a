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
  /// A matrix of these rows of a float32 or bfloat16 matrix, each times its factor.
  func rows(_ rows: [Int], factors: [Float]? = nil) -> Tensor {
    if let factors, elementType == .bfloat16 { return widened.rows(rows, factors: factors).narrowedToBFloat16 }
    let width = shape[1] * elementType.byteCount
    let storage = TensorStorage(byteCount: rows.count * width) { target in
      withBytes { source in
        for (place, row) in rows.enumerated() {
          (target.baseAddress! + place * width).copyMemory(from: source.baseAddress! + row * width, byteCount: width)
        }
      }
      guard let factors else { return }
      let values = target.bindMemory(to: Float.self)
      for (place, factor) in factors.enumerated() where factor != 1 {
        for index in place * shape[1]..<(place + 1) * shape[1] { values[index] *= factor }
      }
    }
    return Tensor(elementType: elementType, shape: [rows.count, shape[1]], storage: storage)
  }
}
