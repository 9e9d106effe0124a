import Graphs

/// An operator of a model that cannot be run here.
public struct MissingOperator: Hashable, Sendable {
  /// The operator's type, with its domain in front unless that is ONNX's own.
  public var type: String
  /// The first node that uses it.
  public var node: String
  /// How many nodes use it.
  public var count: Int
}

/// Why a model or sample file cannot be read, changed or written.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// The operating system refuses the file, or it is not a regular file.
  case unreadable(path: String, reason: String)
  /// The file's bytes contradict its format.
  case malformed(path: String, reason: String)
  /// The file is valid but uses something that is not supported.
  case unsupported(path: String, reason: String)
  /// The model needs operators that are not known here; all of them are listed.
  case missingOperators(path: String, operators: [MissingOperator])
  /// A tensor's external data is missing, too short, or outside the model's folder.
  case externalData(path: String, tensor: String, reason: String)
  /// A node cannot be expressed in a newer operator set.
  case cannotUpgrade(node: String, type: String, from: Int, to: Int, reason: String)
  /// Quantized values do not fit the model they are to be put into.
  case doesNotFit(name: String, reason: String)
  /// The result cannot be written; nothing is left under its name.
  case notWritten(path: String, reason: String)

  /// What is wrong, where, and with which values.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformed(let path, let reason): "\(path): \(reason)"
    case .unsupported(let path, let reason): "\(path): not supported: \(reason)"
    case .missingOperators(let path, let operators):
      "\(path): not supported: "
        + operators.map { "operator \($0.type) (node \($0.node), \($0.count) in all)" }.joined(separator: ", ")
    case .externalData(let path, let tensor, let reason): "\(path): external data of tensor \(tensor): \(reason)"
    case .cannotUpgrade(let node, let type, let from, let to, let reason):
      "node \(node) (\(type)) cannot be converted from operator set \(from) to \(to): \(reason)"
    case .doesNotFit(let name, let reason): "\(name): \(reason)"
    case .notWritten(let path, let reason): "\(path): cannot be written: \(reason)"
    }
  }
}
