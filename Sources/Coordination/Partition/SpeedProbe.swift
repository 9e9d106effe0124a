import Glibc
import LinearAlgebra
import MPI
import Quantization
import Synchronization

/// A short measurement of how fast this rank is, with all its threads, beside the others: products of matrices and rows solved, of one
/// fixed shape that caches hold.
struct SpeedProbe {
  /// Nanoseconds of a window, and of the time before the first one, in which code and memory get warm.
  private static let (window, warmUp): (Int64, Int64) = (6_000_000, 4_000_000)
  private static let columns = 128

  private let weights: [Float]
  private let solver: RowSolver

  init() throws {
    let columns = Self.columns
    var upper = [Double](repeating: 0, count: SymmetricMatrix.count(order: columns))
    for row in 0..<columns { upper[SymmetricMatrix.rowStart(row, order: columns)] = 1 }
    let factor = try SharedFactor.make(
      hessian: SymmetricMatrix(order: columns, upper: upper), order: .natural, roundingErrors: nil, damping: 0.01)
    let scheme = QuantizationScheme(bits: 4, symmetric: true, granularity: .channel)
    solver = RowSolver(factor: factor, scheme: scheme, grid: .minmax, method: .compensate, effort: .fast)
    weights = (0..<columns * columns).map(SyntheticTensor.number)
  }

  /// Microseconds between bursts.
  private static let pause: UInt32 = 50_000

  /// Measures all ranks at the same time, so that cores that some of them share count. Collective.
  func samples(threads: Int, _ world: borrowing Communicator) throws -> [SpeedSample] {
    var windows = [[Double]](repeating: [], count: world.size)
    for burst in 0..<SpeedSample.bursts {
      if burst > 0 { usleep(Self.pause) }
      // All begin together; spinning, since a nap would end late.
      try world.barrier()
      let own = run(threads: threads).map { Int64($0) }
      let all = try world.allGather(own.span)
      for rank in windows.indices {
        let first = rank * SpeedSample.windowCount
        windows[rank] += all[first..<first + SpeedSample.windowCount].map { Double($0) }
      }
    }
    return windows.map { SpeedSample(windows: $0) }
  }

  /// Pieces done in each window by all threads.
  private func run(threads: Int) -> [Int] {
    let counts = Mutex([Int](repeating: 0, count: SpeedSample.windowCount))
    let start = ContinuousClock.now
    Parallel.forEach(threads, threads: threads) { _ in
      var own = [Int](repeating: 0, count: SpeedSample.windowCount)
      var product = [Float](repeating: 0, count: Self.columns * Self.columns)
      while true {
        work(&product)
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        let time = seconds * 1_000_000_000 + attoseconds / 1_000_000_000 - Self.warmUp
        if time < 0 { continue }
        if time / Self.window >= own.count { break }
        own[Int(time / Self.window)] += 1
      }
      counts.withLock { for window in own.indices { $0[window] += own[window] } }
    }
    return counts.withLock { $0 }
  }

  /// One piece: a product, and a tile of rows.
  private func work(_ product: inout [Float]) {
    let columns = Self.columns
    GEMM.multiply(
      rows: columns, columns: columns, depth: columns, weights, stride: columns, transposed: false, weights,
      stride: columns, transposed: true, into: &product, stride: columns)
    weights.withUnsafeBufferPointer { weights in
      let tile = UnsafeBufferPointer(rebasing: weights[..<(RowPartition.tileRows * columns)])
      // An identity's rows can always be solved.
      _ = try? solver.solve(weights: tile, rows: RowPartition.tileRows)
    }
  }
}
