// Measures exact OBQ beside compensation in one shared order, on one layer's weights and Hessian.
//
//   env -u OPENBLAS_CORETYPE swift run -c release obq-benchmark LAYER.safetensors [bits] [rows] [OUTPUT.safetensors]
//
// LAYER holds `weight` (float32, rows x columns) and `hessian` (float64), as layer_problems.py writes them. One thread,
// processor time. OBQ solves `rows` rows (8; 0 for all), spread over the layer, and its time for all is extrapolated: it is
// linear in rows. OUTPUT receives the grids and what OBQ made of these rows, for compare_obc.py.
import Foundation
import Graphs
import LinearAlgebra
import Models
import Quantization

Parallel.useSingleThreadedLibraries()

/// Seconds that this process has computed: other processes on the machine do not count.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// What `body` gives, and how long it took.
func timed<Result>(_ body: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
  let start = processorTime()
  let result = try body()
  return (result, processorTime() - start)
}

/// The shortest of three runs.
func best<Result>(_ body: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
  let runs = try (0..<3).map { _ in try timed(body) }
  return runs.min { $0.seconds < $1.seconds }!
}

func report(_ what: String, _ seconds: Double, _ note: String = "") {
  print(what.padding(toLength: 54, withPad: " ", startingAt: 0) + String(format: "%10.4f s  ", seconds) + note)
}

let arguments = CommandLine.arguments
guard arguments.count > 1 else {
  print("usage: obq-benchmark LAYER.safetensors [bits] [rows] [OUTPUT.safetensors]")
  exit(64)
}
let tensors = try TensorArchive.read(arguments[1])
guard let weight = tensors["weight"], let stored = tensors["hessian"], weight.shape.count == 2,
  weight.elementType == .float32, stored.elementType == .float64, stored.shape == [weight.shape[1], weight.shape[1]]
else {
  print("\(arguments[1]): needs weight (float32, rows x columns) and hessian (float64, columns x columns)")
  exit(65)
}
let (rows, columns) = (weight.shape[0], weight.shape[1])
let bits = arguments.count > 2 ? Int(arguments[2]) ?? 4 : 4
let wanted = arguments.count > 3 ? Int(arguments[3]) ?? 8 : 8
let sampled = wanted == 0 ? rows : min(wanted, rows)
let weights = weight.array(of: Float.self)
let full = stored.array(of: Double.self)
let hessian = SymmetricMatrix(
  order: columns, upper: (0..<columns).flatMap { full[$0 * columns + $0..<($0 + 1) * columns] })
let picked = (0..<sampled).map { $0 * rows / sampled }
let sample = picked.flatMap { weights[$0 * columns..<($0 + 1) * columns] }

func solver(_ order: ColumnOrder, _ method: Method) throws -> RowSolver {
  RowSolver(
    factor: try SharedFactor.make(hessian: hessian, order: order),
    scheme: QuantizationScheme(bits: bits, symmetric: false, granularity: .channel), grid: .l24, method: method,
    measuresEnergy: false)
}

extension RowSolver {
  func solve(_ weights: [Float]) throws -> RowBlock {
    try weights.withUnsafeBufferPointer { try solve(weights: $0, rows: weights.count / columns) }
  }

  func solve(_ weights: [Float], rows: Int, downdatesAtOnce: Int) throws -> RowBlock {
    try weights.withUnsafeBufferPointer { weights in
      try solve(
        weights: UnsafeBufferPointer(rebasing: weights[..<(rows * columns)]), rows: rows,
        downdatesAtOnce: downdatesAtOnce)
    }
  }
}

print(
  "\(rows) x \(columns), \(bits) bits per channel, asymmetric, grid l24; kernels: \(InstructionSet.current), "
    + "OpenBLAS: \(BLAS.kernelName), 1 thread; OBQ on \(sampled) of \(rows) rows")
let factor = try best { try solver(.curvature, .compensate) }
report("factor, order by curvature", factor.seconds)
let shared = try best { try factor.result.solve(weights) }
report("solve of all rows in one shared order", shared.seconds)
let whole = factor.seconds + shared.seconds
report("shared order, from H to codes", whole)

let obq = try best { try solver(.natural, .obq) }
var outcome: RowBlock?
for (downdates, name) in [(64, "64 downdates at once (--method obq)"), (1, "each downdate by itself (as published)")] {
  // The time of one row has what rows share in it: the inverse that they start from.
  let count = downdates == 1 ? min(sampled, 3) : sampled
  let one = try timed { try obq.result.solve(sample, rows: 1, downdatesAtOnce: downdates) }.seconds
  let some = try timed { try obq.result.solve(sample, rows: count, downdatesAtOnce: downdates) }
  let row = count > 1 ? (some.seconds - one) / Double(count - 1) : one
  let all = obq.seconds + one + row * Double(rows - 1)
  report("OBQ, \(name): a row", row)
  report("  all rows, extrapolated, from H to codes", all, String(format: "%.0f times the shared order", all / whole))
  if outcome == nil { outcome = some.result }
}

let sharedLoss = picked.reduce(0) { $0 + shared.result.losses[$1] }
let rounded = try solver(.natural, .round).solve(sample).losses.reduce(0, +)
let loss = outcome!.losses.reduce(0, +)
print(
  String(
    format: "loss of these rows: rounding %.6g, shared order %.6g, OBQ %.6g (shared order / OBQ %.3f)", rounded,
    sharedLoss, loss, sharedLoss / loss))
if arguments.count > 4 {
  let block = outcome!
  try TensorArchive.write(
    [
      "rows": Tensor(picked.map { Float($0) }, shape: [sampled]),
      "scales": Tensor(block.scales, shape: [sampled, 1]),
      "zero_points": Tensor(block.zeroPoints.map { Float($0) }, shape: [sampled, 1]),
      "dequantized": Tensor(block.dequantized(), shape: [sampled, columns]),
    ], to: arguments[4])
}
