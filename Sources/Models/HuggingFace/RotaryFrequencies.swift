internal import Foundation
import Graphs

/// How fast the pairs of a head's elements turn with the position, after a model's `rope_parameters` or `rope_scaling`.
///
/// Types: default, linear, dynamic (NTK), llama3, yarn, longrope, with transformers' formulas
/// (`modeling_rope_utils.py`), in float32 as there.
struct RotaryFrequencies: Sendable, Equatable {
  /// The angle in radians from one position to the next, one per pair.
  let inverse: [Float]
  /// What cosines and sines are multiplied by.
  let factor: Float
  /// Positions up to which these frequencies hold; nil for any.
  let limit: Int?

  /// Elements of a head that are turned.
  var size: Int { inverse.count * 2 }

  private static let knownKeys: Set<String> = [
    "rope_theta", "rope_type", "type", "factor", "original_max_position_embeddings", "low_freq_factor",
    "high_freq_factor", "attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow", "short_factor",
    "long_factor", "truncate", "partial_rotary_factor",
  ]

  /// Reads the frequencies of blocks with a window or of those without.
  init(
    _ file: ModelConfiguration, headSize: Int, maximumPositions: Int, isWindowed: Bool
  ) throws(ModelError) {
    let scalings = (try file.object("rope_parameters"), try file.object("rope_scaling"))
    var parameters = scalings.0 ?? scalings.1
    var theta: Double?
    let nested = isWindowed ? "sliding_attention" : "full_attention"
    if let table = parameters, table["sliding_attention"] != nil || table["full_attention"] != nil {
      parameters = try table.object(nested)
    } else if isWindowed, let local = try file.optionalNumber("rope_local_base_freq") {
      (parameters, theta) = (nil, local)
    }
    let scaling = parameters ?? ModelConfiguration([:], path: file.path)
    if let unknown = scaling.keys.first(where: { !Self.knownKeys.contains($0) }) {
      throw scaling.refusal(unknown, "this key of rotary embeddings is not known")
    }
    if theta == nil { theta = try scaling.optionalNumber("rope_theta") }
    if theta == nil, isWindowed { theta = try file.optionalNumber("rope_local_base_freq") }
    if theta == nil { theta = try file.number("rope_theta") }
    let base = theta!
    let shares = (
      try scaling.optionalNumber("partial_rotary_factor"), try file.optionalNumber("partial_rotary_factor")
    )
    let share = shares.0 ?? shares.1 ?? 1
    let size = Int(Double(headSize) * share)
    guard base > 0, size > 0, size <= headSize, size % 2 == 0 else {
      throw file.refusal("rope_parameters", "\(size) of \(headSize) elements of a head cannot be turned in pairs")
    }
    let powers = stride(from: 0, to: size, by: 2).map { pow(Float(base), Float($0) / Float(size)) }
    let originals = (
      try file.optionalInt("original_max_position_embeddings"),
      try scaling.optionalInt("original_max_position_embeddings")
    )
    let original = originals.0 ?? originals.1 ?? maximumPositions

    let types = (try scaling.optionalString("rope_type"), try scaling.optionalString("type"))
    var type = types.0 ?? types.1 ?? "default"
    // Phi-3 once called longrope so.
    if type == "su" || (type == "yarn" && scaling["short_factor"] != nil) { type = "longrope" }
    switch type {
    case "default": (inverse, factor, limit) = (powers.map { 1 / $0 }, 1, nil)
    // Up to the positions that the model was made for, nothing is changed.
    case "dynamic": (inverse, factor, limit) = (powers.map { 1 / $0 }, 1, maximumPositions)
    case "linear":
      let scale = Float(try scaling.number("factor"))
      (inverse, factor, limit) = (powers.map { 1 / $0 / scale }, 1, nil)
    case "llama3":
      (inverse, factor, limit) = (try Self.llama3(powers, scaling, original: original), 1, nil)
    case "yarn":
      inverse = try Self.yarn(powers, scaling, base: base, original: original)
      (factor, limit) = (try Self.yarnFactor(scaling, ratio: Double(maximumPositions) / Double(original)), nil)
    case "longrope":
      let divisors = try scaling.numbers("short_factor")
      guard divisors.count == size / 2 else {
        throw scaling.refusal("short_factor", "\(size / 2) numbers are expected")
      }
      inverse = zip(powers, divisors).map { 1 / (Float($1) * $0) }
      // Longer sequences turn by long_factor throughout.
      limit = original
      let ratio = try scaling.optionalNumber("factor") ?? Double(maximumPositions) / Double(original)
      let usual = ratio <= 1 ? 1 : (1 + log(ratio) / log(Double(original))).squareRoot()
      factor = Float(try scaling.optionalNumber("attention_factor") ?? usual)
    default:
      throw scaling.refusal(
        scaling["rope_type"] != nil ? "rope_type" : "type",
        "the types default, linear, dynamic, llama3, yarn and longrope can be run")
    }
  }

  private static func llama3(
    _ powers: [Float], _ scaling: ModelConfiguration, original: Int
  ) throws(ModelError) -> [Float] {
    let factor = Float(try scaling.number("factor"))
    let low = Float(try scaling.number("low_freq_factor"))
    let high = Float(try scaling.number("high_freq_factor"))
    let length = Float(original)
    return powers.map { power in
      let inverse = 1 / power
      let wavelength = 2 * Float.pi / inverse
      if wavelength < length / high { return inverse }
      if wavelength > length / low { return inverse / factor }
      let smooth = (length / wavelength - low) / (high - low)
      return (1 - smooth) * inverse / factor + smooth * inverse
    }
  }

  private static func yarn(
    _ powers: [Float], _ scaling: ModelConfiguration, base: Double, original: Int
  ) throws(ModelError) -> [Float] {
    let size = Double(powers.count * 2)
    let factor = try scaling.optionalNumber("factor") ?? 1
    // The pair that turns so many times over the original positions.
    func pair(_ turns: Double) -> Double {
      size * log(Double(original) / (turns * 2 * Double.pi)) / (2 * log(base))
    }
    var low = pair(try scaling.optionalNumber("beta_fast") ?? 32)
    var high = pair(try scaling.optionalNumber("beta_slow") ?? 1)
    let truncates = try scaling.flag("truncate")
    let keepsFractions = scaling["truncate"] != nil && !truncates
    if !keepsFractions { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, size - 1))
    if low == high { high += 0.001 }
    return powers.enumerated().map { index, power in
      let ramp = Float(min(max((Double(index) - low) / (high - low), 0), 1))
      return 1 / (Float(factor) * power) * ramp + 1 / power * (1 - ramp)
    }
  }

  private static func yarnFactor(_ scaling: ModelConfiguration, ratio: Double) throws(ModelError) -> Float {
    if let given = try scaling.optionalNumber("attention_factor") { return Float(given) }
    let factor = try scaling.optionalNumber("factor") ?? ratio
    func magnitude(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
    let scales = (try scaling.optionalNumber("mscale") ?? 0, try scaling.optionalNumber("mscale_all_dim") ?? 0)
    if scales.0 != 0, scales.1 != 0 { return Float(magnitude(scales.0) / magnitude(scales.1)) }
    return Float(magnitude(1))
  }

  /// Cosines and sines of positions 0 ..< `count`, each count x pairs.
  func caches(count: Int) -> (cosines: Tensor, sines: Tensor) {
    func cache(_ function: (Double) -> Double) -> Tensor {
      Tensor(shape: [count, inverse.count]) { (target: UnsafeMutableBufferPointer<Float>) in
        for position in 0..<count {
          for (pair, inverse) in inverse.enumerated() {
            let angle = Float(position) * inverse
            target[position * self.inverse.count + pair] = Float(function(Double(angle))) * factor
          }
        }
      }
    }
    return (cache { cos($0) }, cache { sin($0) })
  }
}
