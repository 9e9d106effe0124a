import Foundation
import Graphs

@testable import Calibration
@testable import Models

/// One of ONNX's own tests of an operator: a model of one node, with inputs and the outputs they must give.
struct ConformanceCase {
  /// How a case ended.
  enum Outcome: Equatable {
    case passed
    /// The outputs are missing or differ.
    case failed(reason: String)
    /// The case is about values that are no tensors of numbers: strings, sequences, optionals.
    case skipped(reason: String)
  }

  /// The name of its folder, such as `test_add_bcast`.
  var name: String
  /// The operator of its only node.
  var kind: OperatorKind
  private var folder: URL
  private var proto: ONNXModelProto

  /// Reads the case in `folder`; nil if its model has several nodes or an operator that is not in `OperatorKind`.
  init?(folder: URL) throws {
    let url = folder.appendingPathComponent("model.onnx")
    proto = try ONNXModelProto(serializedBytes: Data(contentsOf: url))
    guard proto.graph.node.count == 1, ONNXModel.isStandard(domain: proto.graph.node[0].domain),
      let kind = OperatorKind(rawValue: proto.graph.node[0].opType)
    else { return nil }
    (name, self.kind, self.folder) = (folder.lastPathComponent, kind, folder)
  }

  /// Reads the model; one of an operator set below 9, the oldest that is read, as one of set 9.
  ///
  /// Few cases are as old (GlobalAveragePool, GlobalMaxPool, HardSigmoid, ConvTranspose): their operators mean the
  /// same in set 9.
  private func model() throws -> ONNXModel {
    let url = folder.appendingPathComponent("model.onnx")
    let standard = proto.opsetImport.firstIndex { ONNXModel.isStandard(domain: $0.domain) }
    guard let standard, proto.opsetImport[standard].version < 9 else { return try ONNXModel(contentsOf: url.path) }
    var proto = proto
    proto.opsetImport[standard].version = 9
    let copy = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: copy) }
    let bytes: Data = try proto.serializedBytes()
    try bytes.write(to: copy)
    return try ONNXModel(contentsOf: copy.path)
  }

  /// Runs the case on all its data sets.
  func run() -> Outcome {
    for info in proto.graph.input + proto.graph.output {
      if info.type.tensorType.elemType == ONNXDataType.string.rawValue { return .skipped(reason: "strings") }
      if info.type.tensorType.elemType == 0 { return .skipped(reason: "sequences and optionals") }
    }
    do {
      let lowered = try model().graph()
      var index = 0
      while FileManager.default.fileExists(atPath: dataSet(index).path) {
        if let difference = try difference(lowered, dataSet(index)) { return .failed(reason: difference) }
        index += 1
      }
      return index > 0 ? .passed : .failed(reason: "there is no data")
    } catch {
      return .failed(reason: "\(error)")
    }
  }

  private func dataSet(_ index: Int) -> URL { folder.appendingPathComponent("test_data_set_\(index)") }

  /// How the outputs of one data set differ from those expected, or nil if they do not.
  private func difference(_ graph: Graph, _ folder: URL) throws -> String? {
    var inputs: [ValueID: Tensor] = [:]
    for (index, value) in graph.inputs.enumerated() {
      let input = try TensorFile.read(folder.appendingPathComponent("input_\(index).pb").path)
      inputs[value] = Self.declared(input, graph.values[value].elementType)
    }
    let results: [ValueID: Tensor]
    do {
      results = try Executor(graph: graph).run(inputs: inputs)
    } catch {
      // The cases give shapes, axes and pads as inputs; in models they are constants, so they may be here too.
      var constant = graph
      constant.constants.merge(inputs) { $1 }
      constant.inputs = []
      results = try Executor(graph: constant).run(inputs: [:])
    }
    for (index, value) in graph.outputs.enumerated() {
      let stored = try TensorFile.read(folder.appendingPathComponent("output_\(index).pb").path)
      let expected = Self.declared(stored, graph.values[value].elementType)
      guard let result = results[value] else { return "output \(index) is missing" }
      guard result.elementType == expected.elementType, result.shape == expected.shape else {
        return "output \(index) is \(result.elementType) \(result.shape), "
          + "not \(expected.elementType) \(expected.shape)"
      }
      if let place = Self.firstDifference(result, expected) {
        let (found, wanted) = (Self.doubles(result)[place], Self.doubles(expected)[place])
        return "output \(index) has \(found) instead of \(wanted) at element \(place)"
      }
    }
    return nil
  }

  /// The tensor with the type that the model declares, where its file holds the bits of bfloat16 as uint16: numpy, by
  /// which the files were made, has no bfloat16.
  private static func declared(_ tensor: Tensor, _ type: ElementType?) -> Tensor {
    guard type == .bfloat16, tensor.elementType == .uint16 else { return tensor }
    return Tensor(elementType: .bfloat16, shape: tensor.shape, storage: tensor.storage)
  }

  private static func doubles(_ tensor: Tensor) -> [Double] { tensor.cast(to: .float64).array(of: Double.self) }

  /// The first element that differs: integers and bools must be equal, floating-point numbers agree within the
  /// tolerances of ONNX's own test runner, |result - expected| <= 1e-7 + 1e-3 |expected|.
  private static func firstDifference(_ result: Tensor, _ expected: Tensor) -> Int? {
    guard expected.elementType.isFloatingPoint else {
      let (a, b) = (result.cast(to: .uint64).array(of: UInt64.self), expected.cast(to: .uint64).array(of: UInt64.self))
      return a.indices.first { a[$0] != b[$0] }
    }
    let (a, b) = (doubles(result), doubles(expected))
    return a.indices.first { i in
      if a[i] == b[i] || (a[i].isNaN && b[i].isNaN) { return false }
      return !(abs(a[i] - b[i]) <= 1e-7 + 1e-3 * abs(b[i]))
    }
  }
}
