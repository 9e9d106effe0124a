internal import Foundation
import Graphs

/// A file that holds one tensor as a `TensorProto` message, such as `input_0.pb` of ONNX's own tests.
public enum TensorFile {
  /// Reads the file at `path`.
  ///
  /// Throws `ModelError` if the file cannot be read, is not a `TensorProto`, or has a type that `ElementType` lacks
  /// (4-bit integers become one byte each).
  public static func read(_ path: String) throws(ModelError) -> Tensor {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let proto: ONNXTensorProto
    do {
      proto = try ONNXTensorProto(serializedBytes: file.data)
    } catch {
      throw .malformed(path: path, reason: "it is not a tensor of ONNX (\(error))")
    }
    return try TensorReader(path: path, external: nil).tensor(proto)
  }
}
