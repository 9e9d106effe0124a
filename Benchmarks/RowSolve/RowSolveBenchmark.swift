import ArgumentParser
import COpenBLAS
import Foundation
import LinearAlgebra
import Quantization

/// Measures the row solve, the grid search and the shared factor beside the BLAS and LAPACK calls that bound them.
@main struct RowSolveBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rowsolve-benchmark",
    abstract: "The row solve, the grid search and the shared factor beside BLAS and LAPACK.",
    discussion: """
      One thread, processor time. Everything in a line is measured in turn, round after round; the medians are printed. \
      Unset OPENBLAS_CORETYPE first: it can force slower kernels on BLAS.
      """)

  @Option(parsing: .upToNextOption, help: "Shapes as ROWSxCOLUMNS/GROUP, or ROWSxCOLUMNS for a scale per row.")
  var shapes = ["4096x4096/128", "512x4608", "11008x4096/128", "1024x1024/128", "256x2304", "64x576"]
    .compactMap { Shape(argument: $0) }

  @Option(parsing: .upToNextOption, help: "Orders of H; 0 for none.")
  var orders = [1024, 4096, 11008]

  @Option(help: "Bits of a code.")
  var bits = 4

  @Option(help: "Rounds; orders above 4096 take at most two.")
  var repeats = 5

  @Flag(help: "Also measure the search for the order of smallest pivots, once.")
  var pivot = false

  @Option(help: "Write the figures to this file as JSON.")
  var json: String?

  func validate() throws {
    guard (2...8).contains(bits) else { throw ValidationError("--bits \(bits) is not 2 to 8") }
    guard repeats > 0 else { throw ValidationError("--repeats \(repeats) is not positive") }
    guard orders.allSatisfy({ $0 >= 0 && $0 <= 1 << 15 }) else { throw ValidationError("--orders are 0 to 32768") }
  }

  /// What `--json` writes.
  struct Report: Codable {
    var kernels: String
    var blas: String
    var bits: Int
    var repeats: Int
    var solves: [SolveMeasurement] = []
    var factors: [FactorMeasurement] = []
  }

  func run() throws {
    Parallel.useSingleThreadedLibraries()
    var report = Report(
      kernels: "\(InstructionSet.current)", blas: String(cString: openblas_get_corename()), bits: bits, repeats: repeats
    )
    print(
      "kernels: \(report.kernels); OpenBLAS: \(report.blas); 1 thread; \(bits) bits; medians of \(repeats) rounds\n")
    print(SolveMeasurement.header)
    var factors: [Int: SharedFactor] = [:]
    for shape in shapes {
      let factor =
        try factors[shape.columns]
        ?? SharedFactor.make(hessian: Problems.hessian(order: shape.columns), order: .natural)
      factors[shape.columns] = factor
      let measurement = try SolveMeasurement(shape, bits: bits, factor: factor, repeats: repeats)
      print(measurement.row)
      report.solves.append(measurement)
    }
    factors = [:]
    print("\n" + FactorMeasurement.header)
    for order in orders where order > 0 {
      let measurement = try FactorMeasurement(
        order: order, repeats: order > 4096 ? min(repeats, 2) : repeats, pivot: pivot)
      print(measurement.row)
      report.factors.append(measurement)
    }
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(report).write(to: URL(fileURLWithPath: json), options: .atomic)
    }
  }
}
