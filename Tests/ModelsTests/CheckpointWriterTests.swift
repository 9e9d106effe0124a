import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct CheckpointWriterTests {
  private func options(_ format: CheckpointFormat) -> CheckpointOptions {
    var options = CheckpointOptions()
    options.format = format
    return options
  }

  private func read(_ folder: String) throws -> PackedWeights {
    let tensors = try TinyCheckpoint.tensors(folder).compactMapValues(\.tensor)
    let quantization = try #require(try StoredQuantization(folder: folder))
    return try PackedWeights(quantization, tensors: tensors)
  }

  @Test(
    "what is written reads back as (code - zero point) * scale, and everything else is as it was",
    arguments: CheckpointFormat.allCases, [2, 3, 4, 8])
  func roundTrip(format: CheckpointFormat, bits: Int) throws {
    for type in FloatType.allCases {
      for (isSymmetric, groupSize) in [(true, 32), (true, nil), (false, 16), (false, nil)] as [(Bool, Int?)] {
        let checkpoint = try TinyCheckpoint(type: type)
        let forms = checkpoint.forms(bits: [bits, bits], isSymmetric: isSymmetric, groupSize: groupSize)
        let modules = try checkpoint.quantize(forms, options: options(format))
        let packed = try read(checkpoint.destination)
        for module in modules {
          let weight = try #require(packed.weights["\(module.form.name).weight"])
          let stored = format == .gptq ? FloatType.float16 : type
          #expect(weight.dequantized().floatValues == TinyCheckpoint.weights(module, type: stored))
        }
        let (before, after) = (
          try TinyCheckpoint.tensors(checkpoint.source), try TinyCheckpoint.tensors(checkpoint.destination)
        )
        for name in ["model.norm.weight", "model.embed_tokens.weight", "mask"] {
          #expect(after[name]?.bytes.array == before[name]?.bytes.array)
          #expect(after[name]?.dtype == before[name]?.dtype)
        }
        let others = Set(after.keys).subtracting(packed.parts)
        #expect(others == Set(before.keys).subtracting(TinyCheckpoint.modules.map { "\($0).weight" }))
        for name in ["tokenizer.json", "chat_template.jinja"] {
          #expect(try bytes(of: checkpoint.destination + "/" + name) == bytes(of: checkpoint.source + "/" + name))
        }
      }
    }
  }

  @Test("modules of different bits are groups of their own, with 2 to 8 bits")
  func mixed() throws {
    for bits in [[3, 5], [6, 7], [2, 8]] {
      let checkpoint = try TinyCheckpoint()
      let modules = try checkpoint.quantize(checkpoint.forms(bits: bits))
      let packed = try read(checkpoint.destination)
      for module in modules {
        let weight = try #require(packed.weights["\(module.form.name).weight"])
        #expect(weight.bits == module.form.bits)
        #expect(weight.dequantized().floatValues == TinyCheckpoint.weights(module, type: .bfloat16))
      }
      let text = String(decoding: try bytes(of: checkpoint.destination + "/config.json"), as: UTF8.self)
      #expect(text.contains("\"targets\": [\"\(TinyCheckpoint.modules[0])\"]"), "\(text)")
    }
  }

  @Test("a module's tensors have the names, types, shapes and words of pack-quantized")
  func compressedTensors() throws {
    let checkpoint = try TinyCheckpoint()
    var forms = checkpoint.forms()
    forms[1].isSymmetric = false
    let modules = try checkpoint.quantize(forms)
    let tensors = try TinyCheckpoint.tensors(checkpoint.destination)
    let (up, down) = (TinyCheckpoint.modules[0], TinyCheckpoint.modules[1])
    let facts = tensors.mapValues { "\($0.dtype) \($0.shape)" }
    #expect(facts["\(up).weight_packed"] == "I32 [64, 12]")
    #expect(facts["\(up).weight_scale"] == "BF16 [64, 3]")
    #expect(facts["\(up).weight_shape"] == "I64 [2]")
    #expect(facts["\(up).weight_zero_point"] == nil)
    // 96 rows of 4 bits are 12 words, for each of 2 groups.
    #expect(facts["\(down).weight_zero_point"] == "I32 [12, 2]")
    #expect(tensors["\(up).weight_shape"]?.tensor?.array(of: Int64.self) == [64, 96])
    // The first word: eight codes, the first in the lowest nibble.
    let word = modules[0].codes[..<8].reversed().reduce(UInt32(0)) { $0 << 4 | UInt32($1) }
    #expect(tensors["\(up).weight_packed"]?.tensor?.array(of: Int32.self)[0] == Int32(bitPattern: word))
    // Zero points of the first eight rows in group 1.
    let zeros = (0..<8).reversed().reduce(UInt32(0)) { $0 << 4 | UInt32(modules[1].zeroPoints[$1 * 2 + 1]) }
    #expect(tensors["\(down).weight_zero_point"]?.tensor?.array(of: Int32.self)[1] == Int32(bitPattern: zeros))
  }

  @Test("a module's tensors have the names, types, shapes and words of GPTQ, zero points less one in version 1")
  func gptq() throws {
    for (bits, isSymmetric, word) in [(4, true, 0x7777_7777), (8, true, 0x7F7F_7F7F), (2, true, 0x5555_5555)]
      as [(Int, Bool, UInt32)]
    {
      let checkpoint = try TinyCheckpoint()
      let modules = try checkpoint.quantize(
        checkpoint.forms(bits: [bits, bits], isSymmetric: isSymmetric), options: options(.gptq))
      let tensors = try TinyCheckpoint.tensors(checkpoint.destination)
      let up = TinyCheckpoint.modules[0]
      let facts = tensors.mapValues { "\($0.dtype) \($0.shape)" }
      #expect(facts["\(up).qweight"] == "I32 [\(96 * bits / 32), 64]")
      #expect(facts["\(up).qzeros"] == "I32 [3, \(64 * bits / 32)]")
      #expect(facts["\(up).scales"] == "F16 [3, 64]")
      #expect(tensors["\(up).qzeros"]!.tensor!.array(of: Int32.self).allSatisfy { $0 == Int32(bitPattern: word) })
      #expect(tensors["\(up).g_idx"]?.tensor?.array(of: Int32.self) == (0..<96).map { Int32($0 / 32) })
      // Word 0 of output channel 5 holds the first inputs of row 5.
      let perWord = 32 / bits
      let expected = modules[0].codes[5 * 96..<5 * 96 + perWord].reversed().reduce(UInt32(0)) {
        $0 << UInt32(bits) | UInt32($1)
      }
      #expect(tensors["\(up).qweight"]?.tensor?.array(of: Int32.self)[5] == Int32(bitPattern: expected))
      let config = String(decoding: try bytes(of: checkpoint.destination + "/quantize_config.json"), as: UTF8.self)
      #expect(config.contains("\"checkpoint_format\": \"gptq\""))
    }
    let checkpoint = try TinyCheckpoint()
    _ = try checkpoint.quantize(checkpoint.forms(isSymmetric: false), options: options(.gptq))
    let config = String(decoding: try bytes(of: checkpoint.destination + "/quantize_config.json"), as: UTF8.self)
    #expect(config.contains("\"checkpoint_format\": \"gptq_v2\""))
  }

  @Test("config.json keeps its text and gains quantization_config")
  func configuration() throws {
    for text in [nil, "{}", "{\"architectures\": [\"A\"], \"dtype\":\"bfloat16\"}\n\n"] as [String?] {
      let checkpoint = try TinyCheckpoint(configuration: text)
      _ = try checkpoint.quantize(checkpoint.forms())
      let written = try bytes(of: checkpoint.destination + "/config.json")
      let json = try #require(try JSONSerialization.jsonObject(with: Data(written)) as? [String: Any])
      let quantization = try #require(json["quantization_config"] as? [String: Any])
      #expect(quantization["quantization_status"] as? String == "compressed")
      #expect(quantization["ignore"] as? [String] == ["lm_head"])
      if text == nil { #expect(String(decoding: written, as: UTF8.self).contains("9.999999747378752e-06,\n")) }
    }
  }

  @Test("shards stay below the limit, and an index says where tensors are")
  func shards() throws {
    let checkpoint = try TinyCheckpoint(isSharded: true)
    var options = options(.compressedTensors)
    options.shardLimit = 5000
    let modules = try checkpoint.quantize(checkpoint.forms(), options: options)
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint.destination).sorted()
    let shards = names.filter { $0.hasSuffix(".safetensors") }
    #expect(shards.count > 1)
    #expect(shards.first == "model-00001-of-0000\(shards.count).safetensors")
    #expect(!names.contains { $0.hasPrefix("part-") })
    for shard in shards {
      let tensors = try SafetensorsFile.contents(of: checkpoint.destination + "/" + shard)
      #expect(tensors.count == 1 || tensors.reduce(0) { $0 + $1.bytes.count } <= 5000)
      let widths = tensors.map { StoredTensor.byteCount(ofElement: $0.dtype)! }
      #expect(widths == widths.sorted(by: >))
    }
    let packed = try read(checkpoint.destination)
    for module in modules {
      #expect(
        packed.weights["\(module.form.name).weight"]?.dequantized().floatValues
          == TinyCheckpoint.weights(module, type: .bfloat16))
    }
    #expect(try TinyCheckpoint.tensors(checkpoint.destination)["mask"]?.bytes.array == [1, 0, 7, 0, 1])
  }

  @Test("folders, hidden files and other weights are not carried over; links in a hub's cache are followed")
  func sideFiles() throws {
    let checkpoint = try TinyCheckpoint()
    let manager = FileManager.default
    for name in ["pytorch_model.bin", ".gitattributes", "flax_model.msgpack"] { try checkpoint.write("x", to: name) }
    try manager.createDirectory(atPath: checkpoint.source + "/onnx", withIntermediateDirectories: false)
    try manager.createSymbolicLink(atPath: checkpoint.source + "/link.txt", withDestinationPath: "tokenizer.json")
    _ = try checkpoint.quantize(checkpoint.forms())
    #expect(
      try manager.contentsOfDirectory(atPath: checkpoint.destination).sorted() == [
        "chat_template.jinja", "config.json", "link.txt", "model.safetensors", "tokenizer.json",
      ])
    #expect(try bytes(of: checkpoint.destination + "/link.txt") == Array("tokens".utf8))

    let cache = checkpoint.folder.file("models--a--b")
    try manager.createDirectory(atPath: cache + "/blobs", withIntermediateDirectories: true)
    try manager.createDirectory(atPath: cache + "/snapshots", withIntermediateDirectories: true)
    try manager.moveItem(atPath: checkpoint.source + "/tokenizer.json", toPath: cache + "/blobs/abc")
    try manager.moveItem(atPath: checkpoint.source, toPath: cache + "/snapshots/main")
    try manager.createSymbolicLink(
      atPath: cache + "/snapshots/main/tokenizer.json", withDestinationPath: "../../blobs/abc")
    #expect(try SideFiles(folder: cache + "/snapshots/main").names.contains("tokenizer.json"))
  }

  @Test("refusals name what is wrong, and leave nothing behind")
  func refusals() throws {
    func error(
      _ checkpoint: TinyCheckpoint, _ forms: [ModuleForm]? = nil, _ format: CheckpointFormat = .compressedTensors,
      ignored: [String] = ["lm_head"]
    ) -> String {
      let error = modelError {
        _ = try CheckpointWriter(
          source: checkpoint.source, destination: checkpoint.destination, forms: forms ?? checkpoint.forms(),
          ignored: ignored, options: options(format))
      }
      return error?.description ?? "no error"
    }
    let checkpoint = try TinyCheckpoint()
    #expect(error(checkpoint) == "no error")
    #expect(error(checkpoint, checkpoint.forms(groupSize: 36)).contains("groups of 36 do not divide 96"))
    #expect(error(checkpoint, []).contains("no module"))
    #expect(error(checkpoint, checkpoint.forms(bits: [5, 5]), .gptq).contains("2, 3, 4 and 8 bits"))
    #expect(error(checkpoint, checkpoint.forms(bits: [4, 8]), .gptq).contains("one scheme for all layers"))
    #expect(error(checkpoint, ignored: [TinyCheckpoint.modules[0]]).contains("both quantized and ignored"))
    var forms = checkpoint.forms()
    forms[0].rows = 32
    #expect(error(checkpoint, forms).contains("stored as [64, 96]"))
    forms = checkpoint.forms()
    forms[0].name = "model.layers.9.mlp"
    #expect(error(checkpoint, forms).contains("no tensor model.layers.9.mlp.weight"))
    #expect(
      error(checkpoint, [checkpoint.forms()[0]], .gptq, ignored: ["model.layers.1.mlp.up_proj"])
        .contains("keep it in all blocks"))
    // A block with experts has a router, which stays, and lacks the layers of one without.
    #expect(error(checkpoint, .none, .gptq, ignored: ["model.layers.1.mlp.gate"]) == "no error")

    forms = checkpoint.forms()
    for index in forms.indices {
      forms[index].isTransposed = true
      (forms[index].rows, forms[index].columns) = (forms[index].columns, forms[index].rows)
    }
    #expect(error(checkpoint, forms, .gptq) == "no error")
    #expect(error(checkpoint, forms).contains("take --format gptq"))

    for quantized in ["quantization_config", "compression_config"] {
      let other = try TinyCheckpoint(configuration: "{\"\(quantized)\": {\"bits\": 4}}")
      #expect(error(other).contains("quantized already"))
    }
    #expect(error(try TinyCheckpoint(configuration: "[1]")).contains("config.json"))
    #expect(error(try TinyCheckpoint(configuration: "{\"a\": 1")).contains("config.json"))

    let linked = try TinyCheckpoint()
    try FileManager.default.createSymbolicLink(
      atPath: linked.source + "/vocab.json", withDestinationPath: "/etc/hostname")
    #expect(error(linked).contains("vocab.json"))

    let full = try TinyCheckpoint()
    try FileManager.default.createDirectory(atPath: full.destination, withIntermediateDirectories: false)
    #expect(error(full) == "no error")
    try Data().write(to: URL(fileURLWithPath: full.destination + "/x"))
    #expect(error(full).contains("not empty"))

    // Values that do not fit are found before a file is opened.
    for (text, change) in [
      ("exceeds 15", { $0.codes[3] = 16 }), ("no bfloat16", { $0.scales[0] = 0.1 }),
      ("negative", { $0.scales[0] = -1 }),
      ("negative", { $0.scales[0] = .nan }), ("zero point other than 8", { $0.zeroPoints[1] = 7 }),
      ("scales", { $0.scales.removeLast() }),
    ] as [(String, (inout QuantizedModule) -> Void)] {
      let checkpoint = try TinyCheckpoint()
      let writer = try CheckpointWriter(
        source: checkpoint.source, destination: checkpoint.destination, forms: checkpoint.forms(), ignored: [],
        options: CheckpointOptions())
      var modules = checkpoint.forms().map(TinyCheckpoint.values)
      change(&modules[0])
      let description = modelError { try writer.write(modules) }?.description ?? ""
      #expect(description.contains(text), "\(description)")
      #expect(try checkpoint.folder.contents == ["source"])
    }
  }

  @Test(
    "a source without the prefix of the whole model gets it, but for its head", arguments: CheckpointFormat.allCases)
  func prefix(format: CheckpointFormat) throws {
    let checkpoint = try TinyCheckpoint()
    let forms = checkpoint.forms(bits: [4, 4])
    let writer = try CheckpointWriter(
      source: checkpoint.source, destination: checkpoint.destination, forms: forms, ignored: ["lm_head"],
      prefix: TensorPrefix(stored: "", written: "whole."), options: options(format))
    try writer.write(forms.map(TinyCheckpoint.values))
    let names = try TinyCheckpoint.tensors(checkpoint.destination).keys.sorted()
    #expect(names.allSatisfy { $0.hasPrefix("whole.") }, "\(names)")
    #expect(names.contains("whole.model.norm.weight"))
    #expect(try read(checkpoint.destination).weights.keys.sorted() == forms.map { "whole.\($0.name).weight" }.sorted())
    #expect(TensorPrefix(stored: "", written: "whole.").written("lm_head.weight") == "lm_head.weight")
    #expect(TensorPrefix(stored: "a.", written: "b.a.").written("a.x") == "b.a.x")
    #expect(TensorPrefix(stored: "a.", written: "b.a.").written("c.x") == "c.x")
  }

  @Test("a write that fails halfway leaves nothing under the final name, nor beside it")
  func failure() throws {
    let checkpoint = try TinyCheckpoint()
    let writer = try CheckpointWriter(
      source: checkpoint.source, destination: checkpoint.destination, forms: checkpoint.forms(), ignored: [],
      options: CheckpointOptions())
    try FileManager.default.removeItem(atPath: checkpoint.source + "/tokenizer.json")
    #expect(modelError { try writer.write(checkpoint.forms().map(TinyCheckpoint.values)) } != nil)
    #expect(try checkpoint.folder.contents == ["source"])
  }
}
