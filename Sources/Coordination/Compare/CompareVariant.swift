import Quantization

/// One way to quantize every layer: what `rankwise compare` puts beside others.
public struct CompareVariant: Sendable, Hashable, Codable {
  /// Bits of a weight.
  public var bits = 4
  /// How codes are found.
  public var method: Method = .compensate
  /// The order of columns, for methods that have one for all rows.
  public var order: ColumnOrder = .natural
  /// How steps are searched.
  public var grid: GridSearch = .minmax
  /// How hard codes are looked for, by methods that compensate in one order.
  public var effort: Effort = .fast
  /// Damping to start with.
  public var damping = 0.01
  /// Whether biases take up the mean error on the calibration samples, and Hessians are taken about the mean.
  public var correctsBias = false

  /// GPTQ by its reference formulas: compensation in natural order on min-max grids, one rounding, damping 0.01, the Hessian of the
  /// inputs as they are, biases that stay.
  public init() {}

  /// GPTQ at `bits` bits, as it is or with the biases corrected.
  static func baseline(bits: Int, correctsBias: Bool) -> CompareVariant {
    var variant = CompareVariant()
    (variant.bits, variant.correctsBias) = (bits, correctsBias)
    return variant
  }

  /// The same variant with what has no influence on it set to one value.
  var normalized: CompareVariant {
    var variant = self
    if !hasOneOrder { (variant.order, variant.effort) = (.natural, .fast) }
    return variant
  }

  /// Whether all rows take their columns in the order `order`.
  private var hasOneOrder: Bool { method == .compensate }

  /// Whether theory predicts the loss: for compensation in one order from U, for plain rounding from H.
  var isPredictable: Bool { hasOneOrder || method == .round }

  /// What distinguishes it, for tables; the bits not among them.
  var labels: [String] {
    [
      method.rawValue, hasOneOrder ? order.rawValue : "-", grid.rawValue, hasOneOrder ? effort.rawValue : "-",
      "\(damping)",
      correctsBias ? "corrected" : "kept",
    ]
  }

  /// The titles of `labels`.
  static let labelTitles = ["method", "order", "grid", "effort", "damping", "bias"]
}

extension CompareVariant {
  /// What a key of `--variant` changes; one line for each.
  private static let keys:
    [(name: String, set: @Sendable (inout CompareVariant, String) throws(CoordinationError) -> Void)] =
      [
        ("bits", { (variant, text) throws(CoordinationError) in variant.bits = try bits(text) }),
        ("method", { (variant, text) throws(CoordinationError) in variant.method = try choice(text, of: "method") }),
        ("order", { (variant, text) throws(CoordinationError) in variant.order = try choice(text, of: "order") }),
        ("grid", { (variant, text) throws(CoordinationError) in variant.grid = try choice(text, of: "grid") }),
        ("effort", { (variant, text) throws(CoordinationError) in variant.effort = try choice(text, of: "effort") }),
        ("damping", { (variant, text) throws(CoordinationError) in variant.damping = try damping(text) }),
        ("bias", { (variant, text) throws(CoordinationError) in variant.correctsBias = try bias(text) }),
      ]

  /// Changes what `text`, such as `method=compensate,order=pivot,damping=0.02`, names. Throws for an unknown key or value.
  public mutating func apply(_ text: String) throws(CoordinationError) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard words.count == 2 else { throw .variant(text: text, reason: "\"\(part)\" is not KEY=VALUE") }
      guard let key = Self.keys.first(where: { $0.name == words[0] }) else {
        let known = Self.keys.map(\.name).joined(separator: ", ")
        throw .variant(text: text, reason: "\"\(words[0])\" is not one of \(known)")
      }
      try key.set(&self, words[1])
    }
  }

  /// Every value that a comma-separated list names, for each variant of `variants`: the cross product.
  public static func product(
    _ variants: [CompareVariant], _ key: String, _ list: String
  ) throws(CoordinationError) -> [CompareVariant] {
    var result: [CompareVariant] = []
    for variant in variants {
      for value in list.split(separator: ",", omittingEmptySubsequences: false) {
        var changed = variant
        try changed.apply("\(key)=\(value)")
        result.append(changed)
      }
    }
    return result
  }

  private static func choice<Value: RawRepresentable & CaseIterable>(
    _ text: String, of key: String
  ) throws(CoordinationError) -> Value where Value.RawValue == String {
    guard let value = Value(rawValue: text) else {
      let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw .variant(text: "\(key)=\(text)", reason: "\"\(text)\" is not one of \(known)")
    }
    return value
  }

  private static func bits(_ text: String) throws(CoordinationError) -> Int {
    guard let bits = Int(text), (2...8).contains(bits) else {
      throw .variant(text: "bits=\(text)", reason: "bits are a whole number, 2 to 8")
    }
    return bits
  }

  private static func damping(_ text: String) throws(CoordinationError) -> Double {
    guard let damping = Double(text), damping >= 0, damping.isFinite else {
      throw .variant(text: "damping=\(text)", reason: "damping is a number of at least 0")
    }
    return damping
  }

  private static func bias(_ text: String) throws(CoordinationError) -> Bool {
    switch text {
    case "corrected": return true
    case "kept": return false
    default: throw .variant(text: "bias=\(text)", reason: "\"\(text)\" is not one of corrected, kept")
    }
  }
}
