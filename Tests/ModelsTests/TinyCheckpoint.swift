import Foundation
import Graphs

@testable import Models

/// A model folder with two linear modules, a norm, an embedding, an odd buffer and side files, made up for tests.
struct TinyCheckpoint {
  let folder: TemporaryFolder
  /// The folder that is read.
  var source: String { folder.file("source") }
  /// Where the output goes.
  var destination: String { folder.file("out") }
  static let modules = ["model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj"]
  static let shapes = [[64, 96], [96, 64]]

  /// Writes the folder with weights of `type`, into one file or into one file for each tensor.
  init(type: FloatType = .bfloat16, configuration: String? = nil, isSharded: Bool = false) throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("source"), withIntermediateDirectories: false)
    var tensors: [OutgoingTensor] = []
    for (module, shape) in zip(Self.modules, Self.shapes) {
      tensors.append(
        type.outgoing(name: "\(module).weight", shape: shape) { (0..<shape[0] * shape[1]).map { Float($0 % 17) - 8 } })
    }
    tensors.append(type.outgoing(name: "model.norm.weight", shape: [64]) { (0..<64).map { Float($0) } })
    tensors.append(type.outgoing(name: "model.embed_tokens.weight", shape: [32, 64]) { (0..<2048).map { Float($0) } })
    tensors.append(
      OutgoingTensor(name: "mask", dtype: "BOOL", shape: [5], of: UInt8.self) { [1, 0, 7, 0, 1] })
    if isSharded {
      var map: [String] = []
      for (index, tensor) in tensors.enumerated() {
        try SafetensorsFile.write([tensor], metadata: [], to: source + "/part-\(index).safetensors")
        map.append("\"\(tensor.name)\": \"part-\(index).safetensors\"")
      }
      try write("{\"weight_map\": {\(map.joined(separator: ","))}}", to: "model.safetensors.index.json")
    } else {
      try SafetensorsFile.write(tensors, metadata: [("format", "pt")], to: source + "/model.safetensors")
    }
    try write(
      configuration ?? "{\n  \"dtype\": \"\(type.rawValue)\",\n  \"rms_norm_eps\": 9.999999747378752e-06\n}\n",
      to: "config.json")
    try write("tokens", to: "tokenizer.json")
    try write("{{ chat }}", to: "chat_template.jinja")
  }

  /// Writes a file of the source folder.
  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: source + "/" + name))
  }

  /// Both modules with the given scheme.
  func forms(bits: [Int] = [4, 4], isSymmetric: Bool = true, groupSize: Int? = 32) -> [ModuleForm] {
    (0..<2).map {
      ModuleForm(
        name: Self.modules[$0], rows: Self.shapes[$0][0], columns: Self.shapes[$0][1], bits: bits[$0],
        isSymmetric: isSymmetric, groupSize: groupSize)
    }
  }

  /// Codes, scales (powers of two times small integers, which every type has) and zero points that cover their ranges.
  static func values(_ form: ModuleForm) -> QuantizedModule {
    let count = 1 << form.bits
    let groups = form.rows * form.groupCount
    return QuantizedModule(
      form: form, codes: (0..<form.rows * form.columns).map { UInt8(($0 * 7 + $0 / 5) % count) },
      scales: (0..<groups).map { Float($0 % 120 + 1) / 1024 },
      zeroPoints: (0..<groups).map { form.isSymmetric ? UInt8(count / 2) : UInt8($0 * 3 % count) })
  }

  /// What the module's weights are worth, from the definition, rounded to `type`.
  static func weights(_ module: QuantizedModule, type: FloatType) -> [Float] {
    let form = module.form
    let size = form.groupSize ?? form.columns
    return (0..<form.rows * form.columns).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: form.columns)
      let group = row * form.groupCount + column / size
      return type.value((Float(module.codes[index]) - Float(module.zeroPoints[group])) * module.scales[group])
    }
  }

  /// Quantizes both modules and writes the output.
  func quantize(_ forms: [ModuleForm], options: CheckpointOptions = CheckpointOptions()) throws -> [QuantizedModule] {
    let modules = forms.map(Self.values)
    let writer = try CheckpointWriter(
      source: source, destination: destination, forms: forms, ignored: ["lm_head"], options: options)
    try writer.write(modules)
    return modules
  }

  /// The tensors of a folder by name.
  static func tensors(_ folder: String) throws -> [String: StoredTensor] {
    Dictionary(uniqueKeysWithValues: try CheckpointWriter.tensors(of: folder).map { ($0.name, $0) })
  }
}
