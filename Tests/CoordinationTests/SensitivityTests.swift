import Foundation
import Images
import TestSupport
import Testing

@testable import Coordination

/// Runs `rankwise sensitivity` under mpirun, and checks its statistics.
@Suite("Sensitivity", .serialized)
struct SensitivityTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let example = repository.appending(path: "Examples/resnet50-fashion")

  private func rankwise(_ arguments: [String], ranks: Int = 1) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test("pictures and page have the same bytes at 1, 2 and 3 ranks, and the report the same numbers")
  func sameBytes() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var files: [[String: Data]] = []
    var reports: [SensitivityReport] = []
    for ranks in 1...3 {
      let output = folder.appending(path: "\(ranks)")
      let report = folder.appending(path: "\(ranks).json")
      let launch = try rankwise(
        [
          "sensitivity", Self.example.appending(path: "resnet50-fashion.onnx").path, "--calibration",
          Self.example.appending(path: "calibration.npy").path, "--samples", "40", "--layers", "first", "--layers",
          "onnx::Conv_51?", "--layers", "last", "--output", output.path, "--report", report.path,
        ], ranks: ranks)
      #expect(launch.status == 0, "\(launch.errors)")
      var contents: [String: Data] = [:]
      for name in try FileManager.default.contentsOfDirectory(atPath: output.path) {
        contents[name] = try Data(contentsOf: output.appending(path: name))
      }
      files.append(contents)
      reports.append(try JSONDecoder().decode(SensitivityReport.self, from: try Data(contentsOf: report)))
    }
    for other in files.dropFirst() { #expect(other == files[0]) }
    for other in reports.dropFirst() { #expect(other.layers.map(\.statistics) == reports[0].layers.map(\.statistics)) }
    #expect(files[0].count == reports[0].layers.count + 1)
    let first = try #require(files[0].first { $0.key.hasPrefix("001-") })
    let picture = try PNG.decode(Array(first.value))
    #expect((picture.width, picture.height) == (reports[0].layers[0].columns, reports[0].layers[0].rows))
    for layer in reports[0].layers {
      let statistics = layer.statistics
      #expect(statistics.logByColumn > 0 && statistics.logByColumn <= 1)
      // A part of what columns explain.
      #expect(statistics.logByCurvature <= statistics.logByColumn + 1e-9)
      #expect(statistics.top1 <= statistics.top10 && statistics.top10 <= 1)
    }
  }

  @Test("the sum of sensitivities is that of squared rounding errors over the diagonal of the inverse Hessian")
  func directSum() throws {
    let fixture = try LayerSetFixture()
    defer { try? FileManager.default.removeItem(at: fixture.folder) }
    let report = fixture.folder.appending(path: "report.json")
    let sheet = fixture.folder.appending(path: "sheet.png")
    let launch = try rankwise(
      [
        "sensitivity", fixture.path, "--no-output-correction", "--bits", "3", "--output", sheet.path, "--report",
        report.path,
      ], ranks: 2)
    #expect(launch.status == 0, "\(launch.errors)")
    let found = try JSONDecoder().decode(SensitivityReport.self, from: try Data(contentsOf: report))
    let n = LayerSetFixture.columns
    var hessian = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for token in 0..<LayerSetFixture.tokens {
      let input = fixture.input(token)
      for i in 0..<n { for j in 0..<n { hessian[i][j] += 2 * input[i] * input[j] / Double(LayerSetFixture.tokens) } }
    }
    let mean = (0..<n).reduce(0) { $0 + hessian[$1][$1] } / Double(n)
    for i in 0..<n { hessian[i][i] += 0.01 * mean }
    let inverse = Self.inverse(hessian)
    let expected = fixture.roundingErrors(bits: 3).reduce(0) { sum, row in
      row.indices.reduce(sum) { $0 + row[$1] * row[$1] / inverse[$1][$1] }
    }
    // The factor is float32.
    #expect(abs(found.layers[0].total - expected) < 1e-4 * expected, "\(found.layers[0].total), directly \(expected)")
    let picture = try PNG.decode(Array(try Data(contentsOf: sheet)))
    #expect((picture.width, picture.height) == (n + 16, LayerSetFixture.rows + 16))
  }

  @Test("shares of the variance: all between columns, all between rows, and half each")
  func variance() {
    let curvatures = [[1.0, 10, 100]]
    let byColumn = SensitivityStatistics(
      [1, 10, 100, 1, 10, 100], rows: 2, columns: 3, curvatures: curvatures)
    #expect(abs(byColumn.logByColumn - 1) < 1e-12 && byColumn.logByRow < 1e-12)
    #expect(abs(byColumn.logByCurvature - 1) < 1e-12)
    #expect(abs(byColumn.top1 - 100.0 / 111) < 1e-12)
    let byRow = SensitivityStatistics([1, 1, 1, 5, 5, 5], rows: 2, columns: 3, curvatures: curvatures)
    #expect(byRow.logByColumn < 1e-12 && abs(byRow.byRow - 1) < 1e-12 && byRow.logByCurvature < 1e-12)
    // log s = row + column with effects of the same size.
    let both = SensitivityStatistics([1, 2, 2, 4], rows: 2, columns: 2, curvatures: [[1, 1]])
    #expect(abs(both.logByColumn - 0.5) < 1e-12 && abs(both.logByRow - 0.5) < 1e-12 && both.logByCurvature == 0)
    let none = SensitivityStatistics([0, 0], rows: 1, columns: 2, curvatures: [[0, 0]])
    #expect(none.logByColumn == 0 && none.top1 == 0 && none.byRow == 0)
  }

  @Test(
    "what sensitivity cannot do is said clearly, and nothing is written",
    arguments: [
      (["--bits", "1"], "--bits is 1"), (["--layers", "x"], "no layer matches"), (["--grid", "x"], "grid"),
    ])
  func hostileArguments(arguments: [String], text: String) throws {
    let fixture = try LayerSetFixture()
    defer { try? FileManager.default.removeItem(at: fixture.folder) }
    let output = fixture.folder.appending(path: "maps")
    let launch = try rankwise(["sensitivity", fixture.path, "--output", output.path] + arguments, ranks: 2)
    #expect(launch.status != 0 && !launch.timedOut)
    #expect((launch.errors + launch.output).contains(text), "\(launch.errors)\(launch.output)")
    #expect(!FileManager.default.fileExists(atPath: output.path))
    // A file where the folder should be.
    let taken = try rankwise(["sensitivity", fixture.path, "--output", fixture.path + "/maps"], ranks: 2)
    #expect(taken.status != 0 && (taken.errors + taken.output).contains("cannot be made"), "\(taken.errors)")
  }

  /// Gauss-Jordan elimination of a positive definite matrix.
  private static func inverse(_ matrix: [[Double]]) -> [[Double]] {
    let n = matrix.count
    var rows = matrix.enumerated().map { index, row in row + (0..<n).map { $0 == index ? 1 : 0 } }
    for pivot in 0..<n {
      let scale = rows[pivot][pivot]
      rows[pivot] = rows[pivot].map { $0 / scale }
      for other in 0..<n where other != pivot {
        let factor = rows[other][pivot]
        for column in rows[other].indices { rows[other][column] -= factor * rows[pivot][column] }
      }
    }
    return rows.map { Array($0[n...]) }
  }
}
