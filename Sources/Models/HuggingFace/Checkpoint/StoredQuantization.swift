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
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let content: Content
    do {
      content = try JSONDecoder().decode(File.self, from: file.data).content ?? Content()
    } catch {
      throw .malformed(path: path, reason: "its quantization_config is not understood (\(error))")
    }
    switch content.method {
    case nil where content.isAbsent: return nil
    case "gptq":
      let version = content.checkpointFormat ?? "gptq"
      guard version == "gptq" || version == "gptq_v2" else {
        throw .unsupported(path: path, reason: "checkpoint_format \(version); gptq and gptq_v2 can be read")
      }
      guard let bits = content.bits, let size = content.groupSize else {
        throw .malformed(path: path, reason: "quantization_config lacks bits or group_size")
      }
      format = .gptq
      storesZeroPointsLessOne = version == "gptq"
      groups = [
        Group(targets: ["Linear"], bits: bits, groupSize: size == -1 ? nil : size, isSymmetric: content.sym ?? true)
      ]
    case "compressed-tensors":
      (format, storesZeroPointsLessOne) = (.compressedTensors, false)
      groups = try Self.groups(content, path: path)
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

  private static func groups(_ content: Content, path: String) throws(ModelError) -> [Group] {
    guard content.format ?? "pack-quantized" == "pack-quantized" else {
      throw .unsupported(path: path, reason: "format \(content.format!); pack-quantized can be read")
    }
    guard content.status == "compressed" else {
      throw .unsupported(path: path, reason: "quantization_status is \(content.status ?? "missing"), not compressed")
    }
    var groups: [Group] = []
    for (name, group) in (content.configGroups ?? [:]).sorted(by: { $0.key < $1.key }) {
      let weights = group.weights
      guard weights.type == nil || weights.type == "int", weights.strategy == "group" || weights.strategy == "channel",
        group.format ?? "pack-quantized" == "pack-quantized"
      else {
        throw .unsupported(
          path: path, reason: "\(name): only integers by group or channel, pack-quantized, can be read")
      }
      if weights.strategy == "group", weights.groupSize == nil {
        throw .malformed(path: path, reason: "\(name): the group_size is missing")
      }
      groups.append(
        Group(
          targets: group.targets, bits: weights.bits, groupSize: weights.strategy == "group" ? weights.groupSize : nil,
          isSymmetric: weights.symmetric ?? true))
    }
    return groups
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

  private struct File: Decodable {
    var content: Content?
    enum CodingKeys: String, CodingKey { case content = "quantization_config" }
  }

  private struct Content: Decodable {
    struct Weights: Decodable {
      var bits: Int
      var type: String?
      var symmetric: Bool?
      var strategy: String?
      var groupSize: Int?
      enum CodingKeys: String, CodingKey {
        case type, symmetric, strategy
        case bits = "num_bits"
        case groupSize = "group_size"
      }
    }
    struct ConfigGroup: Decodable {
      var targets: [String]
      var format: String?
      var weights: Weights
    }
    var method: String?
    var format: String?
    var status: String?
    var configGroups: [String: ConfigGroup]?
    var bits: Int?
    var groupSize: Int?
    var sym: Bool?
    var checkpointFormat: String?
    var isAbsent = false

    enum CodingKeys: String, CodingKey {
      case format, bits, sym
      case method = "quant_method"
      case status = "quantization_status"
      case configGroups = "config_groups"
      case groupSize = "group_size"
      case checkpointFormat = "checkpoint_format"
    }

    /// Of a file without the key.
    init() { isAbsent = true }
  }
}
