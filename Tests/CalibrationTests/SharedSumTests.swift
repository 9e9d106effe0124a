import Glibc
import Graphs
import LinearAlgebra
import Testing

@testable import Calibration

/// Sums in memory that several accumulators, as processes have them, add to at the same time.
@Suite("Shared sums")
struct SharedSumTests {
  /// Memory that is given back with the last reference.
  private final class Block: Sendable {
    nonisolated(unsafe) let base: UnsafeMutableRawPointer

    init(byteCount: Int) { base = .allocate(byteCount: byteCount, alignment: 64) }

    deinit { base.deallocate() }
  }

  private func noise(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 31)
    }
  }

  @Test("they are the sums of one accumulator, bit for bit", arguments: [3, 16, 37, 100])
  func equal(columns: Int) throws {
    let group = InputGroup(input: 0, unfolding: nil, columns: columns, layers: [])
    let chunks = try (0..<24).map { index in
      try InputColumns(
        group: group, tensors: [Tensor(noise(9 * columns, seed: UInt64(index)), shape: [9, columns])])
    }
    let scale = SumScale(bound: 9, chunkCount: 24, columnCount: 24 * 9)
    let (alone, crossAlone) = (HessianSums(group: group, scale: scale), CrossSums(group: group, scale: scale))
    for chunk in chunks {
      try alone.add(chunk)
      try crossAlone.add(differences: chunk, quantized: chunks[0])
    }

    let counts = (HessianSums.count(group), CrossSums.count(group))
    let bytes = (SharedSumMemory.byteCount(counts.0), SharedSumMemory.byteCount(counts.1))
    let block = Block(byteCount: bytes.0 + bytes.1)
    memset(block.base, 0xA5, bytes.0 + bytes.1)
    // Four processes would each have an object of their own for the same memory.
    func memories(_ turn: Int) -> (SharedSumMemory, SharedSumMemory) {
      (
        SharedSumMemory(at: block.base, count: counts.0, turn: turn, owner: block),
        SharedSumMemory(at: block.base + bytes.0, count: counts.1, turn: turn, owner: block)
      )
    }
    let all = (0..<4).map(memories)
    all[0].0.prepare()
    all[0].1.prepare()
    for (index, (hessian, cross)) in all.enumerated() {
      hessian.clear(part: index, of: 4)
      cross.clear(part: index, of: 4)
    }
    let accumulators = all.map { hessian, cross in
      (HessianSums(group: group, scale: scale, memory: hessian), CrossSums(group: group, scale: scale, memory: cross))
    }
    _ = try Parallel.map(24, threads: 4) { (index) throws(HessianError) -> Void in
      try accumulators[index % 4].0.add(chunks[index])
      try accumulators[index % 4].1.add(differences: chunks[index], quantized: chunks[0])
    }
    #expect(all[3].0.copy() == alone.take())
    #expect(accumulators[1].1.take() == crossAlone.take())
  }
}
