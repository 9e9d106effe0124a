internal import Foundation
import Graphs

/// Samples for a model's inputs: arrays whose first axis counts samples.
///
/// Read from a `.npy`, `.npz` or `.safetensors` file, or from a folder of such files, which are put behind each other in
/// the order of their names. Files are mapped; only compressed archives are held in memory.
public struct SampleSet: Sendable {
  /// One array in the pieces that the files have of it.
  private struct Array: Sendable {
    var elementType: ElementType
    /// The shape of one sample.
    var sampleShape: [Int]
    var parts: [Tensor]
  }

  /// The file or folder.
  public let path: String
  /// Number of samples.
  public let count: Int
  private let arrays: [String: Array]

  /// Opens the samples at `path`.
  ///
  /// Throws `ModelError` if a file is damaged or if files or arrays do not fit each other: the arrays of a file have the
  /// same number of samples, and each array has one sample shape and element type throughout.
  public init(path: String) throws(ModelError) {
    self.path = path
    var arrays: [String: Array] = [:]
    var total = 0
    for file in try Self.files(at: path) {
      let tensors = try Self.tensors(in: file)
      guard let first = tensors.min(by: { $0.key < $1.key }), first.value.rank > 0 else {
        throw .malformed(path: file, reason: "it has no array with an axis of samples")
      }
      let samples = first.value.shape[0]
      for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
        guard tensor.rank > 0, tensor.shape[0] == samples else {
          throw .malformed(
            path: file,
            reason: "array \(name) of shape \(tensor.shape) does not have \(samples) samples as "
              + "\(first.key) has")
        }
        let sampleShape = [Int](tensor.shape.dropFirst())
        if total == 0, arrays[name] == nil {
          arrays[name] = Array(elementType: tensor.elementType, sampleShape: sampleShape, parts: [tensor])
        } else {
          guard let known = arrays[name] else {
            throw .malformed(path: file, reason: "array \(name) is not in the files before it")
          }
          guard known.sampleShape == sampleShape, known.elementType == tensor.elementType else {
            throw .malformed(
              path: file,
              reason: "samples are \(tensor.elementType) \(sampleShape), in the files before it "
                + "\(known.elementType) \(known.sampleShape)")
          }
          arrays[name]!.parts.append(tensor)
        }
      }
      guard tensors.count == arrays.count else {
        throw .malformed(path: file, reason: "it has \(tensors.count) arrays, the files before it \(arrays.count)")
      }
      total += samples
    }
    guard total > 0 else { throw .malformed(path: path, reason: "it has no samples") }
    (self.arrays, count) = (arrays, total)
  }

  /// Samples in memory: one array, for the model's input `name`. Its first axis counts them, at least one.
  public init(_ tensor: Tensor, name: String, path: String) {
    precondition(tensor.rank > 0 && tensor.shape[0] > 0, "samples of shape \(tensor.shape)")
    self.path = path
    count = tensor.shape[0]
    arrays = [
      name: Array(
        elementType: tensor.elementType, sampleShape: [Int](tensor.shape.dropFirst()), parts: [tensor])
    ]
  }

  /// The names of the arrays, sorted; a `.npy` file's array has an empty name.
  public var names: [String] { arrays.keys.sorted() }

  /// The array for the model input `input`: that of its name, or the only one there is; nil if there is none.
  private func array(_ input: String?) -> Array? {
    if let input, let array = arrays[input] { return array }
    return arrays.count == 1 ? arrays.first!.value : nil
  }

  /// The element type of the samples for `input`. There must be an array for it.
  public func elementType(input: String? = nil) -> ElementType? { array(input)?.elementType }

  /// The shape of one sample for `input`, without the axis of samples.
  public func sampleShape(input: String? = nil) -> [Int]? { array(input)?.sampleShape }

  /// Throws `doesNotFit` unless there is an array for each of the model's inputs whose samples have the shape that the
  /// model states.
  public func check(inputs: [Value]) throws(ModelError) {
    if inputs.count > 1, let missing = inputs.first(where: { arrays[$0.name] == nil }) {
      throw .doesNotFit(
        name: missing.name, reason: "\(path) has no array for this input; it has \(names.joined(separator: ", "))")
    }
    for input in inputs {
      guard let array = array(input.name) else {
        throw .doesNotFit(
          name: input.name,
          reason: "\(path) has several arrays and none of this input's name: \(names.joined(separator: ", "))")
      }
      guard let shape = input.shape?.dropFirst() else { continue }
      let fits =
        shape.count == array.sampleShape.count
        && zip(shape, array.sampleShape).allSatisfy { $0 == nil || $0 == $1 }
      guard fits else {
        let wanted = shape.map { $0.map { "\($0)" } ?? "?" }.joined(separator: " x ")
        let found = array.sampleShape.map { "\($0)" }.joined(separator: " x ")
        throw .doesNotFit(name: input.name, reason: "the model wants samples of \(wanted), \(path) has \(found)")
      }
    }
  }

  /// The samples `range` for the model input `input` (nil: the only array), in the files' element type.
  ///
  /// Shares memory with the file if all are in one. `range` must lie in 0 ..< `count`. Throws `doesNotFit` if there is
  /// no array for `input`.
  public func samples(_ range: Range<Int>, input: String? = nil) throws(ModelError) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "samples \(range) are not in 0 ..< \(count)")
    guard let array = array(input) else {
      throw .doesNotFit(name: input ?? "input", reason: "\(path) has \(names.count) arrays and none of this name")
    }
    let shape = [range.count] + array.sampleShape
    let sampleBytes = array.sampleShape.reduce(array.elementType.byteCount, *)
    var pieces: [SharedBytes] = []
    var start = 0
    for part in array.parts {
      let end = start + part.shape[0]
      let overlap = range.clamped(to: start..<end)
      if !overlap.isEmpty {
        pieces.append(
          SharedBytes(part.storage).slice(
            (overlap.lowerBound - start) * sampleBytes..<(overlap.upperBound - start) * sampleBytes))
      }
      start = end
    }
    if pieces.count == 1 {
      let storage = pieces[0].storage(alignment: array.elementType.byteCount)
      return Tensor(elementType: array.elementType, shape: shape, storage: storage)
    }
    let storage = TensorStorage(byteCount: range.count * sampleBytes) { target in
      var offset = 0
      for piece in pieces {
        piece.withBytes { target[offset..<offset + $0.count].copyBytes(from: $0) }
        offset += piece.count
      }
    }
    return Tensor(elementType: array.elementType, shape: shape, storage: storage)
  }

  /// The file at `path`, or the sample files of the folder in the order of their names.
  static func files(at path: String) throws(ModelError) -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      return [path]
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw .unreadable(path: path, reason: "\(error.localizedDescription)")
    }
    let files = names.filter { !$0.hasPrefix(".") && ["npy", "npz", "safetensors"].contains(suffix(of: $0)) }
    guard !files.isEmpty else {
      throw .unreadable(path: path, reason: "the folder has no .npy, .npz or .safetensors file")
    }
    return files.sorted().map { path + "/" + $0 }
  }

  static func tensors(in path: String) throws(ModelError) -> [String: Tensor] {
    switch suffix(of: path) {
    case "npy": return ["": try NPYArray.read(SharedBytes(try MappedFile(path: path)), name: path)]
    case "safetensors": return try SafetensorsFile.read(path)
    case "npz":
      let archive = try ZipArchive(path: path)
      var tensors: [String: Tensor] = [:]
      for member in archive.members where member.name.hasSuffix(".npy") {
        let content = try archive.content(of: member)
        tensors[String(member.name.dropLast(4))] = try NPYArray.read(content, name: "\(path)/\(member.name)")
      }
      return tensors
    case let other:
      throw .unsupported(
        path: path, reason: "samples in a file with the ending '\(other)'; .npy, .npz and .safetensors can be read")
    }
  }

  private static func suffix(of path: String) -> String { FilePath.ending(of: path) }
}
