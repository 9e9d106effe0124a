import Foundation
import Quantization
import TestSupport
import Testing

@testable import Coordination
@testable import Graphs

@Suite("Held-out loss")
struct HeldOutTests {
  @Test("whole chunks at the end are held out, by the data alone")
  func partition() {
    let (calibration, heldOut) = ChunkPartition(sampleCount: 103, chunkSize: 8).holdingOut(0.125)
    #expect(calibration.samples == 0..<88 && calibration.chunkCount == 11)
    #expect(heldOut?.samples == 88..<103)
    #expect(heldOut?.samples(ofChunk: 1) == 96..<103)
    // A share that rounds to no chunk still holds one out.
    #expect(ChunkPartition(sampleCount: 4, chunkSize: 1).holdingOut(0.01).heldOut?.samples == 3..<4)
    #expect(ChunkPartition(sampleCount: 3, chunkSize: 1).holdingOut(0.125).heldOut == nil)
    #expect(ChunkPartition(sampleCount: 103, chunkSize: 8).holdingOut(0).calibration.samples == 0..<103)
  }

  @Test("losses are squared errors relative to the outputs without means, or without a fixed bias")
  func losses() {
    let layer = Layer(
      name: "w", node: 0, weight: 0, input: 1, rows: 3, columns: 2, unfolding: nil, layout: .rowMajor, channelAxis: 0)
    let outputs = (0..<3).map { TinyNetwork.noise(60, seed: UInt64($0 + 20)).map { $0 + 1 } }
    // Two chunks of ten positions, added as they would arrive from other ranks.
    var total = HeldOutSums(rows: 3)
    for chunk in 0..<2 {
      let part = outputs.map { Tensor(Array($0[chunk * 30..<chunk * 30 + 30]), shape: [10, 3]) }
      var sums = HeldOutSums(rows: 3)
      sums.add(quantized: part[0], sameInputs: part[1], floatNetwork: part[2], layer: layer)
      let flat = sums.flat
      total.add(flat: flat[...])
    }
    func squares(_ left: [Float], minus right: (Int) -> Double) -> Double {
      left.indices.reduce(0) { $0 + (Double(left[$1]) - right($1)) * (Double(left[$1]) - right($1)) }
    }
    func mean(_ values: [Float], _ row: Int) -> Double { (0..<20).reduce(0) { $0 + Double(values[$1 * 3 + row]) } / 20 }
    let bias = [0.25, 0, -3]
    for fixed in [nil, bias] {
      let loss = HeldOutLoss(total, bias: fixed)
      for (measured, truth) in [(loss.loss, outputs[1]), (loss.drift, outputs[2])] {
        let energy = squares(truth) { fixed?[$0 % 3] ?? mean(truth, $0 % 3) }
        let expected = squares(outputs[0]) { Double(truth[$0]) } / energy
        #expect(abs(measured - expected) < 1e-12 * expected)
      }
    }
  }

  @Test("the expected loss is a twelfth of the squared steps weighed by the pivots")
  func expected() {
    let layer = Layer(
      name: "w", node: 0, weight: 0, input: 1, rows: 2, columns: 3, unfolding: nil, layout: .rowMajor, channelAxis: 0)
    let planned = PlannedLayer(
      layer: layer, scheme: QuantizationScheme(bits: 4, symmetric: false, granularity: .group(size: 2)), bias: nil)
    var quantized = QuantizedLayer(planned)
    quantized.scales = [1, 2, 3, 4]
    quantized.pivots = [5, 6, 7]
    let weighed: [Double] = [1 * 11, 4 * 7, 9 * 11, 16 * 7]
    #expect(abs(quantized.expectedLoss(planned) - weighed.reduce(0, +) / 12) < 1e-13)
  }

  /// Quantizes the tiny network with samples 0 ..< 32, of which the last 4 are held out, and reads the report.
  private func layers(_ folder: URL, bits: Int, ranks: Int) throws -> [[String: Any]] {
    let report = folder.appending(path: "report.json")
    let launch = try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"),
      arguments: [
        "quantize", folder.appending(path: "tiny.onnx").path, "--calibration", folder.appending(path: "x.npy").path,
        "--bits", "\(bits)", "--output", folder.appending(path: "\(bits)-\(ranks).onnx").path, "--report", report.path,
      ], timeout: .seconds(120))
    #expect(launch.status == 0, "\(launch.errors)")
    let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: report)) as? [String: Any]
    #expect(json?["samples"] as? Int == 28 && json?["heldOutSamples"] as? Int == 4)
    return try #require(json?["layers"] as? [[String: Any]])
  }

  @Test("the losses of a linear network are those of its outputs, fall with bits, and are the same at any ranks")
  func network() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = folder.appending(path: "tiny.onnx")
    try TinyNetwork.model.write(to: model)
    try TinyNetwork.samples(0..<32).write(to: folder.appending(path: "x.npy"))
    try TinyNetwork.samples(28..<32).write(to: folder.appending(path: "held.npy"))
    var before = [Double.infinity, .infinity]
    for bits in [2, 4, 8] {
      let entries = try layers(folder, bits: bits, ranks: 1)
      let (first, second) = (entries[0], entries[1])
      let losses = entries.compactMap { $0["heldOutLoss"] as? Double }
      #expect(losses.count == 2 && zip(losses, before).allSatisfy { 0 < $0 && $0 < $1 / 4 }, "\(losses)")
      before = losses
      // What enters the first layer is the same in both networks.
      #expect(first["drift"] as? Double == losses[0])
      let drift = try #require(second["drift"] as? Double)
      let evaluation = folder.appending(path: "evaluation.json")
      let launch = try mpirun(
        ranks: 1, executable: try builtExecutable(named: "rankwise"),
        arguments: [
          "evaluate", folder.appending(path: "\(bits)-1.onnx").path, "--data",
          folder.appending(path: "held.npy").path, "--reference", model.path, "--report", evaluation.path,
        ])
      #expect(launch.status == 0, "\(launch.errors)")
      let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: evaluation)) as? [String: Any]
      let error = try #require((json?["outputs"] as? [[String: Any]])?.first?["relativeL2"] as? Double)
      #expect(abs(error * error - drift) < 1e-5 * drift, "\(error * error) and \(drift)")
      for ranks in [2, 3] {
        let other = try layers(folder, bits: bits, ranks: ranks)
        for (entry, same) in zip(other, entries) {
          for key in ["relativeLoss", "predictedLoss", "heldOutLoss", "drift"] {
            #expect(entry[key] as? Double == same[key] as? Double)
          }
        }
      }
    }
  }
}
