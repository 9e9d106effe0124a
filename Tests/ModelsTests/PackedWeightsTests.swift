import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct PackedWeightsTests {
  private func quantization(_ text: String) throws -> (StoredQuantization?, TemporaryFolder) {
    let folder = try TemporaryFolder()
    _ = try folder.write(Array("{\"quantization_config\": \(text)}".utf8), to: "config.json")
    return (try StoredQuantization(folder: folder.path), folder)
  }

  private func words(_ words: [UInt32], _ shape: [Int]) -> Tensor {
    Tensor(words.map { Int32(bitPattern: $0) }, shape: shape)
  }

  private static let packed =
    #"{"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed", "#
    + #""config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "#
    + #""symmetric": true, "strategy": "group", "group_size": 4}}}}"#

  @Test("a module written by hand in pack-quantized has the weights that it stands for")
  func byHand() throws {
    let (quantization, _) = try quantization(Self.packed)
    let tensors = [
      "m.weight_packed": words([0x7654_3210, 0xFEDC_BA98], [2, 1]),
      "m.weight_scale": Tensor([1, 10, 0.5, 2] as [Float], shape: [2, 2]),
      "m.weight_shape": Tensor([2, 8] as [Int32], shape: [2]),
    ]
    let weights = try PackedWeights(try #require(quantization), tensors: tensors)
    #expect(weights.parts == Set(tensors.keys))
    #expect(
      weights.weights["m.weight"]?.dequantized().floatValues
        == [-8, -7, -6, -5, -40, -30, -20, -10, 0, 0.5, 1, 1.5, 8, 10, 12, 14])
  }

  @Test("a module written by hand for GPTQ, its inputs in groups by g_idx, has the weights that it stands for")
  func gptqByHand() throws {
    for (version, zeros) in [("gptq", 0x7777_7777), ("gptq_v2", 0x8888_8888)] as [(String, UInt32)] {
      let (quantization, _) = try quantization(
        #"{"quant_method": "gptq", "bits": 4, "group_size": 4, "checkpoint_format": "\#(version)"}"#)
      // Two outputs: column 0 has the codes 0 to 7, column 1 those from 8 to 15.
      let tensors = [
        "m.qweight": words([0x7654_3210, 0xFEDC_BA98], [1, 2]), "m.qzeros": words([zeros, zeros], [2, 1]),
        "m.scales": Tensor([1, 10, 2, 20] as [Float], shape: [2, 2]),
        "m.g_idx": Tensor([1, 0, 1, 0, 1, 0, 1, 0] as [Int32], shape: [8]),
      ]
      let weights = try PackedWeights(try #require(quantization), tensors: tensors)
      #expect(
        weights.weights["m.weight"]?.dequantized().floatValues
          == [-16, -7, -12, -5, -8, -3, -4, -1, 0, 10, 40, 30, 80, 50, 120, 70])
    }
  }

  @Test("modules are found by name, by regular expression, or as any linear module")
  func targets() throws {
    func group(_ targets: String, bits: Int) -> String {
      #"{"targets": [\#(targets)], "weights": {"num_bits": \#(bits), "strategy": "channel"}}"#
    }
    let (quantization, _) = try quantization(
      #"{"quant_method": "compressed-tensors", "quantization_status": "compressed", "config_groups": {"a": "#
        + "\(group("\"Linear\"", bits: 4)), \"b\": \(group("\"re:.*k_proj$\"", bits: 3)), "
        + "\"c\": \(group("\"a.q_proj\"", bits: 2))}}")
    let stored = try #require(quantization)
    #expect(try stored.group(of: "a.q_proj").bits == 2)
    #expect(try stored.group(of: "b.k_proj").bits == 3)
    #expect(try stored.group(of: "b.k_proj.x").bits == 4)
  }

  @Test(
    "configurations that cannot be read are refused by what is wrong with them",
    arguments: [
      (#"{"quant_method": "awq"}"#, "awq"), (#"{"bits": 4}"#, "none"), (#"{"quant_method": "gptq"}"#, "lacks bits"),
      (#"{"quant_method": "gptq", "bits": 9, "group_size": 32}"#, "9 bits"),
      (#"{"quant_method": "gptq", "bits": 4, "group_size": 0}"#, "groups of 0"),
      (#"{"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "marlin"}"#, "marlin"),
      (packed.replacingOccurrences(of: #""quantization_status": "compressed", "#, with: ""), "quantization_status"),
      (packed.replacingOccurrences(of: "\"pack-quantized\"", with: "\"float-quantized\""), "float-quantized"),
      (packed.replacingOccurrences(of: "\"int\"", with: "\"float\""), "only integers"), ("[]", "an object is expected"),
      (packed.replacingOccurrences(of: "\"group_size\": 4", with: "\"group_size\": null"), "group_size"),
    ])
  func badConfiguration(text: String, reason: String) throws {
    let error = modelError { _ = try quantization(text) }?.description ?? "no error"
    #expect(error.contains(reason), "\(error)")
  }

  @Test("tensors that contradict each other are refused by name")
  func badTensors() throws {
    let (quantization, _) = try quantization(Self.packed)
    let stored = try #require(quantization)
    let good = [
      "m.weight_packed": words([0, 0], [2, 1]), "m.weight_scale": Tensor([1, 1, 1, 1] as [Float], shape: [2, 2]),
      "m.weight_shape": Tensor([2, 8] as [Int64], shape: [2]),
    ]
    _ = try PackedWeights(stored, tensors: good)
    for (name, tensor) in [
      ("m.weight_shape", nil), ("m.weight_scale", nil), ("m.weight_packed", nil),
      ("m.weight_shape", Tensor([2, 9] as [Int64], shape: [2])),
      ("m.weight_shape", Tensor([-2, 8] as [Int64], shape: [2])),
      ("m.weight_shape", Tensor([.max, .max] as [Int64], shape: [2])),
      ("m.weight_shape", Tensor([2] as [Int64], shape: [1])),
      ("m.weight_scale", Tensor([1, 1] as [Float], shape: [2, 1])), ("m.weight_packed", words([0, 0], [1, 2])),
      ("m.weight_g_idx", Tensor([0, 0, 0, 0, 0, 0, 0, 2] as [Int32], shape: [8])),
      ("m.weight", Tensor([0] as [Float], shape: [1])),
    ] as [(String, Tensor?)] {
      var tensors = good
      tensors[name] = tensor
      let error = modelError { _ = try PackedWeights(stored, tensors: tensors) }
      #expect(error != nil, "\(name)")
    }
  }
}
