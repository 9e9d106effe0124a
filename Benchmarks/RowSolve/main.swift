// Measures the row solve, the grid search and the shared factor beside the BLAS and LAPACK calls that bound them.
//
//   env -u OPENBLAS_CORETYPE swift run -c release rowsolve-benchmark [rows] [columns] [bits] [group size]
//
// One thread; the best of three, in processor time. Random weights and a random, well conditioned Hessian.
import COpenBLAS
import Foundation
import LinearAlgebra
import Quantization

Parallel.useSingleThreadedLibraries()

func number(_ index: Int, _ fallback: Int) -> Int {
  CommandLine.arguments.count > index ? Int(CommandLine.arguments[index]) ?? fallback : fallback
}
let (rows, columns) = (number(1, 4096), number(2, 4096))
let (bits, groupSize) = (number(3, 4), number(4, 128))

/// Seconds that this process has computed: other processes on the machine do not count.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The shortest of three runs, in seconds of processor time.
func best(_ body: () throws -> Void) rethrows -> Double {
  var best = Double.infinity
  for _ in 0..<3 {
    let start = processorTime()
    try body()
    best = min(best, processorTime() - start)
  }
  return best
}

func report(_ what: String, _ seconds: Double, flops: Double? = nil, note: String = "") {
  let rate = flops.map { String(format: " %7.1f GFLOP/s", $0 / seconds * 1e-9) } ?? ""
  print(what.padding(toLength: 44, withPad: " ", startingAt: 0) + String(format: "%9.4f s", seconds) + rate, note)
}

func uniform(_ count: Int) -> [Float] {
  var state: UInt32 = 1
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return Float(state >> 8) * 0x1p-23 - 1
  }
}

print(
  "\(rows) x \(columns), \(bits) bits, groups of \(groupSize); kernels: \(InstructionSet.current),", terminator: " ")
print("OpenBLAS: \(String(cString: openblas_get_corename())), 1 thread")

let n = Double(columns)
let solveFlops = Double(rows) * n * n

// The rate that the row solve is measured against.
let size = Int32(columns)
do {
  let (a, b) = (uniform(rows * columns), uniform(columns * columns))
  var c = [Float](repeating: 0, count: rows * columns)
  let seconds = best {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), size, size, 1, a, size, b, size, 0, &c, size)
  }
  report("cblas_sgemm", seconds, flops: 2 * solveFlops)
}

var hessian = SymmetricMatrix(
  order: columns, upper: uniform(SymmetricMatrix.count(order: columns)).map { Double($0) * 0.3 })
for j in 0..<columns {
  hessian.upper[SymmetricMatrix.rowStart(j, order: columns)] = n * (0.5 + Double(j % 97) / 97)
}

func inverse(_ hessian: SymmetricMatrix) throws -> [Float] {
  try InverseCholesky(hessian, processing: [Int](0..<hessian.order)).inverse()
}
let inverted = try best { _ = try inverse(hessian) }
do {
  var full = [Double](repeating: 0, count: columns * columns)
  for i in 0..<columns { for j in i..<columns { full[j * columns + i] = hessian[i, j] } }
  var bounds: [Double] = []
  for _ in 0..<3 {
    var copy = full
    let start = processorTime()
    var (order, info) = (size, Int32(0))
    dpotrf_("U", &order, &copy, &order, &info)
    dpotri_("U", &order, &copy, &order, &info)
    dpotrf_("U", &order, &copy, &order, &info)
    precondition(info == 0, "a factorization stopped at \(info)")
    bounds.append(processorTime() - start)
  }
  report("dpotrf + dpotri + dpotrf", bounds.min()!)
  report("U from H", inverted, note: String(format: "%.2f of the above", inverted / bounds.min()!))
}
report("minimum pivot order", try best { _ = try MinimumPivotOrder.eliminate(hessian) })

let factor = try SharedFactor.make(hessian: hessian, order: .natural)
let weights = uniform(rows * columns).map { $0 * 0.05 }
func solve(_ grid: GridSearch, method: Method = .compensate, energy: Bool = false) throws -> Double {
  let solver = RowSolver(
    factor: factor, scheme: QuantizationScheme(bits: bits, symmetric: false, granularity: .group(size: groupSize)),
    grid: grid, method: method, measuresEnergy: energy)
  return try weights.withUnsafeBufferPointer { weights in
    try best { _ = try solver.solve(weights: weights, rows: rows) }
  }
}
let plain = try solve(.minmax)
report("row solve, min-max grid", plain, flops: solveFlops)
for grid in [GridSearch.curvature, .l24] {
  let searched = try solve(grid)
  report("row solve, grid search \(grid.rawValue)", searched)
  report(
    "  the search alone", searched - plain, note: String(format: "%.0f %% of the solve", (searched / plain - 1) * 100))
}
report("row solve, min-max grid, with energies", try solve(.minmax, energy: true))
