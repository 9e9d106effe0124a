internal import Foundation
import Graphs

/// A file of named tensors, such as the outputs of a model.
public enum TensorArchive {
  /// Writes `tensors` (float32, or int64 in a `.npy` file) to `path`, complete or not at all; the same tensors give the same bytes.
  ///
  /// The ending chooses the format: `.safetensors`, or `.npy` for exactly one tensor. Throws `unsupported` for another
  /// ending or count, `notWritten` if the file cannot be written.
  public static func write(_ tensors: [String: Tensor], to path: String) throws(ModelError) {
    switch FilePath.ending(of: path) {
    case "safetensors": try SafetensorsFile.write(tensors, to: path)
    case "npy":
      guard let tensor = tensors.first?.value, tensors.count == 1 else {
        throw .unsupported(path: path, reason: "\(tensors.count) tensors in a .npy file; use .safetensors")
      }
      try NPYArray.write(tensor, to: path)
    case let other:
      throw .unsupported(path: path, reason: "the ending '\(other)'; .safetensors and .npy can be written")
    }
  }

  /// Reads the tensors of a `.safetensors`, `.npz` or `.npy` file by name (that of a `.npy` file is empty), mapped and not
  /// copied where they are aligned.
  public static func read(_ path: String) throws(ModelError) -> [String: Tensor] { try SampleSet.tensors(in: path) }
}

extension NPYArray {
  /// Writes a tensor of float32 or int64 as version 1.
  static func write(_ tensor: Tensor, to path: String) throws(ModelError) {
    precondition([.float32, .int64].contains(tensor.elementType), "\(tensor.elementType) is neither float32 nor int64")
    let type = tensor.elementType == .int64 ? "<i8" : "<f4"
    let dimensions = tensor.shape.map { "\($0)" }.joined(separator: ", ") + (tensor.rank == 1 ? "," : "")
    var header = Data("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(dimensions)), }".utf8)
    // Header and data together start at a multiple of 64, and the header ends with a line feed.
    while (10 + header.count + 1) % 64 != 0 { header.append(UInt8(ascii: " ")) }
    header.append(UInt8(ascii: "\n"))
    var file = try AtomicFile(path: path)
    try file.write(
      Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, UInt8(header.count & 255), UInt8(header.count >> 8)]))
    try file.write(header)
    try tensor.withBytes { bytes throws(ModelError) in try file.write(bytes) }
    try file.commit()
  }
}
