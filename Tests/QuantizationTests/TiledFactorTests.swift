import Foundation
import LinearAlgebra
import Synchronization
import Testing

@testable import Quantization

@Suite("Factorization in tiles") struct TiledFactorTests {
  private static func hessian(_ order: Int) -> SymmetricMatrix {
    var numbers = SeededNumbers(seed: UInt64(order))
    return numbers.hessian(order: order, samples: order + 20).adding(diagonal: 1)
  }

  @Test("order and pivots are those of plain elimination, bit for bit", arguments: [1, 24, 97, 230])
  func plain(order n: Int) throws {
    let hessian = Self.hessian(n)
    let isFused = InstructionSet.current.description != "portable"
    var schur = (0..<n).map { i in (0..<n).map { hessian[i, $0] } }
    var (rest, order, roots) = ([Int](0..<n), [Int](), [Double]())
    while !rest.isEmpty {
      let pivot = rest.min { (schur[$0][$0], $0) < (schur[$1][$1], $1) }!
      rest.removeAll { $0 == pivot }
      order.append(pivot)
      roots.append(schur[pivot][pivot].squareRoot())
      let row = schur[pivot].map { $0 / roots.last! }
      for i in rest {
        for j in rest {
          schur[i][j] = isFused ? schur[i][j].addingProduct(-row[i], row[j]) : schur[i][j] - row[i] * row[j]
        }
      }
    }
    let made = try InverseCholesky(minimumPivots: hessian)
    #expect(made.processing == order.reversed())
    #expect(made.inverseRoots == roots.reversed().map { 1 / $0 })
    let given = try InverseCholesky(hessian, processing: order.reversed())
    #expect(given.inverseRoots == made.inverseRoots)
    #expect(given.inverse() == made.inverse())
  }

  @Test(
    "U is the same bit for bit from any number of threads", arguments: [1, 23, 96, 97, 330], [ColumnOrder.pivot, .auto])
  func threads(order n: Int, columnOrder: ColumnOrder) throws {
    let hessian = Self.hessian(n)
    func factor(_ threads: Int) throws -> SharedFactor {
      try SharedFactor.make(
        hessian: hessian, order: columnOrder, roundingErrors: Array(repeating: 1, count: n),
        team: Team(threads: threads))
    }
    let alone = try factor(1)
    for threads in [2, 3, 7] {
      let shared = try factor(threads)
      #expect(shared.order == alone.order)
      #expect(shared.inverse == alone.inverse)
      #expect(shared.curvature == alone.curvature)
    }
  }

  @Test("processes that share memory make the same factor", arguments: [(2, 1), (3, 1), (2, 2)])
  func processes(count: Int, threads: Int) throws {
    let n = 500
    let hessian = Self.hessian(n)
    let alone = try SharedFactor.make(hessian: hessian, order: .pivot)
    try Self.withShared(hessian, processes: count, threads: threads) { results, upper in
      for result in results {
        let parameters = try result.get()
        #expect(parameters.order == alone.order)
        #expect(parameters.curvature == alone.curvature)
        #expect(parameters.damping == alone.damping)
      }
      #expect(Array(UnsafeBufferPointer(start: upper, count: alone.inverse.count)) == Array(alone.inverse))
    }
  }

  @Test("a Hessian that is not positive definite raises the damping of all, or is everyone's error")
  func indefinite() throws {
    let n = 150
    var hessian = SymmetricMatrix(order: n, upper: [Double](repeating: 1, count: n * (n + 1) / 2))
    for j in 0..<n { hessian.upper[SymmetricMatrix.rowStart(j, order: n)] = 0.95 }
    let alone = try SharedFactor.make(hessian: hessian, order: .pivot)
    #expect(alone.escalations > 0)
    try Self.withShared(hessian, processes: 3, threads: 1) { results, _ in
      for result in results {
        let parameters = try result.get()
        #expect(parameters.escalations == alone.escalations)
      }
    }
    for (index, value) in [(0, Double.nan), (1, -1e9), (SymmetricMatrix.rowStart(149, order: n), -3)] {
      var broken = hessian
      broken.upper[index] = value
      var reason: QuantizationError?
      do throws(QuantizationError) { _ = try SharedFactor.make(hessian: broken, order: .pivot) } catch {
        reason = error
      }
      // -1e9 beside a diagonal of 0.95 is beyond any damping.
      #expect(reason != nil)
      try Self.withShared(broken, processes: 2, threads: 2) { results, _ in
        for result in results {
          guard case .failure(let error) = result else {
            Issue.record("a process made a factor")
            continue
          }
          #expect(error.description == reason?.description)
        }
      }
    }
  }

  /// Factors as several processes would, each a thread here with a team on the same control memory.
  private static func withShared(
    _ hessian: SymmetricMatrix, processes: Int, threads: Int,
    _ body: ([Result<SharedFactor.Parameters, QuantizationError>], UnsafePointer<Float>) throws -> Void
  ) throws {
    struct Shared: @unchecked Sendable { let control, work, upper: UnsafeMutableRawPointer }
    func zeros(_ count: Int) -> UnsafeMutableRawPointer {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
      return memory
    }
    let shared = Shared(
      control: zeros(Team.controlBytes(members: processes * threads)),
      work: zeros(TiledFactor.byteCount(order: hessian.order)), upper: zeros(8 * hessian.upper.count))
    defer { for memory in [shared.control, shared.work, shared.upper] { memory.deallocate() } }
    hessian.upper.withUnsafeBytes { shared.upper.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    let results = Mutex<[Result<SharedFactor.Parameters, QuantizationError>?]>(Array(repeating: nil, count: processes))
    let group = DispatchGroup()
    for process in 0..<processes {
      group.enter()
      Thread {
        let team = Team(
          control: shared.control, count: processes * threads, first: process * threads, threads: threads,
          columnMembers: 2)
        let cholesky = InverseCholesky(order: hessian.order, memory: shared.work, team: team)
        let result: Result<SharedFactor.Parameters, QuantizationError>
        do throws(QuantizationError) {
          // U takes the place of H.
          result = .success(
            try SharedFactor.make(
              shared.upper.assumingMemoryBound(to: Double.self), order: .pivot, damping: 0.01, cholesky,
              to: shared.upper.assumingMemoryBound(to: Float.self)))
        } catch { result = .failure(error) }
        results.withLock { $0[process] = result }
        group.leave()
      }.start()
    }
    group.wait()
    try body(results.withLock { $0.map { $0! } }, shared.upper.assumingMemoryBound(to: Float.self))
  }
}
