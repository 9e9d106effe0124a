internal import Foundation
import Graphs

/// What a model's `config.json` says of weights that are stored in fewer bits, in the formats that are written here.
struct StoredQuantization: Sendable {
  /// How the weights of some linear modules became integers.
  struct Group: Sendable {
    /// Names of modules, `re:` with a regular expression, or `Linear` for all.
    var targets: [String]
    var bits: Int
    /// Columns that share a scale; nil if all of a row do.
    var groupSize: Int?
    var isSymmetric: Bool
  }

  let format: CheckpointFormat
  let groups: [Group]
  /// Whether zero points are stored less one, as in version 1 of GPTQ's format.
  let storesZeroPointsLessOne: Bool
  /// The file that says so, for errors.
  let path: String

  /// Reads `config.json` of `folder`; nil if it does not say that the model is quantized.
  ///
  /// Throws `unsupported` for other formats, and for a `pack-quantized` checkpoint without `quantization_status`, which
  /// transformers would load wrongly.
  init?(folder: String) throws(ModelError) {
    path = folder + "/config.json"
    let file = try ModelConfiguration(contentsOf: path)
    guard let content = try file.object("quantization_config") else { return nil }
    switch try content.optionalString("quant_method") {
    case "gptq":
      let version = try content.optionalString("checkpoint_format") ?? "gptq"
      guard version == "gptq" || version == "gptq_v2" else {
        throw .unsupported(path: path, reason: "checkpoint_format \(version); gptq and gptq_v2 can be read")
      }
      guard let bits = try content.optionalInt("bits"), let size = try content.optionalInt("group_size") else {
        throw .malformed(path: path, reason: "quantization_config lacks bits or group_size")
      }
      format = .gptq
      storesZeroPointsLessOne = version == "gptq"
      groups = [
        Group(
          targets: ["Linear"], bits: bits, groupSize: size == -1 ? nil : size,
          isSymmetric: content["sym"] == nil ? true : try content.flag("sym"))
      ]
    case "compressed-tensors":
      (format, storesZeroPointsLessOne) = (.compressedTensors, false)
      groups = try Self.groups(content)
    case let method:
      throw .unsupported(
        path: path,
        reason:
          "the model is quantized already, by the method \(method ?? "none"); compressed-tensors (pack-quantized) and "
          + "gptq can be read")
    }
    for group in groups where !(2...8).contains(group.bits) || (group.groupSize ?? 1) < 1 {
      throw .unsupported(path: path, reason: "\(group.bits) bits in groups of \(group.groupSize ?? 0)")
    }
  }

  private static func groups(_ content: ModelConfiguration) throws(ModelError) -> [Group] {
    for (key, value) in [("format", "pack-quantized"), ("quantization_status", "compressed")] {
      let found = try content.optionalString(key)
      // A missing status is wrong, a missing format is not.
      if found == nil && key == "format" || found == value { continue }
      throw .unsupported(path: content.path, reason: "\(key) is \(found ?? "missing"); \(value) can be read")
    }
    guard let groups = try content.object("config_groups") else { return [] }
    return try groups.keys.map { name throws(ModelError) in try Self.group(name, try groups.object(name)!) }
  }

  private static func group(_ name: String, _ content: ModelConfiguration) throws(ModelError) -> Group {
    guard let weights = try content.object("weights"), let targets = try content.optionalStrings("targets"),
      let bits = try weights.optionalInt("num_bits")
    else {
      throw .malformed(path: content.path, reason: "\(name): targets, weights or their num_bits are missing")
    }
    let (type, strategy) = (try weights.optionalString("type"), try weights.optionalString("strategy"))
    let format = try content.optionalString("format")
    guard type ?? "int" == "int", strategy == "group" || strategy == "channel",
      format ?? "pack-quantized" == "pack-quantized"
    else {
      throw .unsupported(
        path: content.path, reason: "\(name): only integers by group or channel, pack-quantized, can be read")
    }
    let size = try weights.optionalInt("group_size")
    if strategy == "group", size == nil {
      throw .malformed(path: content.path, reason: "\(name): the group_size is missing")
    }
    return Group(
      targets: targets, bits: bits, groupSize: strategy == "group" ? size : nil,
      isSymmetric: weights["symmetric"] == nil ? true : try weights.flag("symmetric"))
  }

  /// The group that the linear module `name` belongs to: by its name, by a regular expression, or as any linear module.
  func group(of name: String) throws(ModelError) -> Group {
    if let group = groups.first(where: { $0.targets.contains(name) }) { return group }
    for group in groups {
      for target in group.targets where target.hasPrefix("re:") {
        guard let expression = try? NSRegularExpression(pattern: String(target.dropFirst(3))) else {
          throw .malformed(path: path, reason: "the target \(target) is not a regular expression")
        }
        let whole = NSRange(name.startIndex..., in: name)
        if expression.firstMatch(in: name, options: .anchored, range: whole) != nil { return group }
      }
    }
    if let group = groups.first(where: { $0.targets.contains("Linear") }) { return group }
    throw .malformed(path: path, reason: "\(name) is packed, but no group of config_groups has it")
  }
}
