import Graphs

/// The tensors of a model folder: one `model.safetensors`, or several files with an index. Elements stay mapped.
struct CheckpointTensors: Sendable {
  /// The folder.
  let folder: String
  /// All tensors by name.
  private let tensors: [String: Tensor]
  /// The name of the file that holds each tensor.
  let files: [String: String]

  /// The weights that are stored in fewer bits, by the names of the tensors that they replace.
  let packed: [String: PackedWeight]

  /// What all tensors are made of where there are no files: zeros of this type; nil where there are files.
  private let zeros: (pages: ZeroPages, type: ElementType)?

  /// Tensors of zeros, of any name and shape, that take no memory: for a model of which only `config.json` is there.
  init(shapesOf path: String, type: ElementType) {
    (folder, tensors, files, packed) = (path, [:], [:], [:])
    zeros = (ZeroPages(), type)
  }

  /// Maps the files of `folder`. Throws if there are none, or if one is damaged.
  init(folder: String) throws(ModelError) {
    self.folder = folder
    let places = try CheckpointFiles(folder: folder)
    var tensors: [String: Tensor] = [:]
    var files: [String: String] = [:]
    for file in places.names {
      for (name, tensor) in try SafetensorsFile.read(folder + "/" + file) where places.holds(name, in: file) {
        (tensors[name], files[name]) = (tensor, file)
      }
    }
    try places.check(Set(tensors.keys), folder: folder)
    var packed: [String: PackedWeight] = [:]
    if let quantization = try StoredQuantization(folder: folder) {
      let found = try PackedWeights(quantization, tensors: tensors)
      packed = found.weights
      for (name, weight) in packed { files[name] = files["\(weight.module).\(weight.format.codesEnding)"] }
      for part in found.parts { (tensors[part], files[part]) = (nil, nil) }
    }
    (self.tensors, self.files, self.packed) = (tensors, files, packed)
    zeros = nil
  }

  /// The names of all tensors, those of packed weights as if they were not.
  var names: [String] { files.keys.sorted() }

  /// Whether there is a tensor `name`.
  func contains(_ name: String) -> Bool { files[name] != nil }

  /// The floating-point tensor `name`, which must have `shape`; a packed weight is computed from its codes.
  func tensor(_ name: String, shape: [Int]) throws(ModelError) -> Tensor {
    if let zeros { return try zeros.pages.tensor(zeros.type, shape: shape, path: folder) }
    guard let tensor = tensors[name] ?? packed[name]?.dequantized() else {
      throw .malformed(path: folder, reason: "the tensor \(name), which config.json asks for, is in none of the files")
    }
    let path = folder + "/" + files[name]!
    guard tensor.shape == shape else {
      throw .malformed(path: path, reason: "tensor \(name) is \(tensor.shape), config.json asks for \(shape)")
    }
    guard tensor.elementType == .float32 || tensor.elementType.isHalf else {
      throw .unsupported(
        path: path,
        reason: "tensor \(name) has elements of type \(tensor.elementType); bfloat16, float16 and float32 can be read")
    }
    return tensor
  }
}
