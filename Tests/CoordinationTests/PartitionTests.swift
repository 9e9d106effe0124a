import Testing

@testable import Coordination

@Suite("Partitions")
struct PartitionTests {
  @Test("every chunk and every sample belongs to exactly one rank", arguments: [1, 2, 3, 7, 40])
  func chunks(ranks: Int) {
    let partition = ChunkPartition(sampleCount: 103, chunkSize: 8)
    let chunks = (0..<ranks).flatMap { partition.chunks(ofRank: $0, size: ranks) }
    #expect(chunks == Array(0..<13))
    #expect(partition.chunks(ofRank: 0, size: ranks).first == 0)
    #expect(chunks.flatMap { Array(partition.samples(ofChunk: $0)) } == Array(0..<103))
  }

  @Test("a chunk has columns enough for its SYRK, is bounded by memory, and leaves work for sixteen")
  func chunkSize() {
    func size(_ samples: Int, _ positions: Int, _ bytes: Int = 1, _ batch: Int = 1) -> Int {
      ChunkPartition.chunkSize(
        sampleCount: samples, fewestPositions: positions, activationBytes: bytes, batch: batch)
    }
    #expect(size(1024, 49) == 8)
    #expect(size(1024, 1) == 64)
    #expect(size(16, 49) == 1)
    #expect(size(1024, 49, 200 << 20) == 2)
    #expect(size(1024, 49, 1, 3) == 9)
  }

  @Test("every row belongs to exactly one rank, in line order", arguments: [1, 2, 3, 4, 16])
  func rows(ranks: Int) {
    let layers = [
      RowPartition.LayerShape(rows: 100, columns: 64, groups: 1),
      RowPartition.LayerShape(rows: 12, columns: 9, groups: 4),
      RowPartition.LayerShape(rows: 512, columns: 4608, groups: 1),
    ]
    let partition = RowPartition(layers: layers, ranks: ranks)
    #expect(partition.pieces.count == ranks)
    var seen = layers.map { [Int](repeating: 0, count: $0.rows) }
    var line: [(Int, Int)] = []
    for range in partition.pieces.joined() {
      let rowsPerGroup = layers[range.layer].rows / layers[range.layer].groups
      for row in range.rows {
        seen[range.layer][row] += 1
        #expect(row / rowsPerGroup == range.hessian)
        line.append((range.layer, row))
      }
    }
    #expect(seen.allSatisfy { $0.allSatisfy { $0 == 1 } })
    #expect(zip(line, line.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test("equal ranks get equal work where there are tiles for it")
  func balance() {
    let partition = RowPartition(layers: [.init(rows: 4096, columns: 512, groups: 1)], ranks: 4)
    #expect(partition.pieces.map { $0.reduce(0) { $0 + $1.rows.count } } == [1024, 1024, 1024, 1024])
  }

  @Test("only the ranks with rows of a layer are named")
  func holders() {
    let partition = RowPartition(
      layers: [.init(rows: 64, columns: 512, groups: 1), .init(rows: 64, columns: 512, groups: 1)], ranks: 2)
    #expect(partition.ranks(holding: [0]) == [0])
    #expect(partition.ranks(holding: [1]) == [1])
    #expect(partition.ranks(holding: [0, 1]) == [0, 1])
  }

  @Test("the heaviest group goes first, to the least loaded rank")
  func owners() {
    #expect(OwnerAssignment.owners(costs: [1, 8, 4, 4], ranks: 2) == [0, 0, 1, 1])
    #expect(OwnerAssignment.owners(costs: [4, 4, 1, 1, 1, 1], ranks: 2) == [0, 1, 0, 1, 0, 1])
  }

  @Test("where it is as balanced, consecutive groups go to one rank: that of their rows")
  func ownersInLine() {
    #expect(OwnerAssignment.owners(costs: [5, 5], ranks: 4) == [1, 3])
    #expect(OwnerAssignment.owners(costs: Array(repeating: 1, count: 6), ranks: 3) == [0, 0, 1, 1, 2, 2])
    let owners = OwnerAssignment.owners(costs: Array(repeating: 2, count: 128), ranks: 2)
    let partition = RowPartition(
      layers: Array(repeating: RowPartition.LayerShape(rows: 768, columns: 2048, groups: 1), count: 128), ranks: 2)
    #expect(partition.pieces.map { Set($0.map { owners[$0.layer] }) } == [[0], [1]])
  }

  @Test(
    "of unequal ranks each gets rows and chunks by its speed, and all of them are somebody's",
    arguments: [
      [3.0, 1, 2, 2], [1, 1, 1, 1e-4], [1e-4, 1, 1, 1], [1, 1.5], [1e6, 1, 1],
    ])
  func speeds(_ numbers: [Double]) {
    let speeds = RankSpeeds(numbers)
    let ranks = speeds.count
    let chunks = ChunkPartition(sampleCount: 64, chunkSize: 1)
    let shares = (0..<ranks).map { chunks.chunks(ofRank: $0, speeds) }
    #expect(shares.flatMap { Array($0) } == Array(0..<64))
    let layers = [
      RowPartition.LayerShape(rows: 8192, columns: 64, groups: 1), .init(rows: 12, columns: 9, groups: 4),
    ]
    let pieces = RowPartition(layers: layers, speeds: speeds).pieces
    #expect(pieces.count == ranks)
    #expect(pieces.joined().reduce(0) { $0 + $1.rows.count } == 8204)
    for rank in 0..<ranks {
      let share = speeds.speeds[rank] / Double(ranks)
      #expect(abs(Double(shares[rank].count) - 64 * share) <= 1, "\(shares)")
      let rows = pieces[rank].filter { $0.layer == 0 }.reduce(0) { $0 + $1.rows.count }
      #expect(abs(Double(rows) - 8192 * share) <= 2 * Double(RowPartition.tileRows), "\(rows) of rank \(rank)")
    }
  }

  @Test("a rank's threads take chunks in step: none is given that would be a round of its own")
  func rounds() {
    let speeds = RankSpeeds([4, 2], threads: [4, 2])
    #expect(speeds.counts(of: 12) == [8, 4])
    // Four threads and a fast one: five chunks for the first rank would take two rounds of a second, the other is done with five
    // in 5/3.
    #expect(RankSpeeds([4, 3], threads: [4, 1]).counts(of: 9) == [4, 5])
  }

  @Test("factorizations go by speed too")
  func ownersBySpeed() {
    let costs = [Double](repeating: 1, count: 12)
    let owners = OwnerAssignment.owners(costs: costs, speeds: RankSpeeds([2, 1, 1]))
    #expect((0..<3).map { rank in owners.count { $0 == rank } } == [6, 3, 3])
    #expect(OwnerAssignment.owners(costs: [9], speeds: RankSpeeds([1, 3])) == [1])
  }

  @Test("speeds that differ by less than a tenth, or by noise, count as equal")
  func noise() {
    func speeds(_ windows: [[Double]]) -> [Double] { SpeedSample.speeds(windows.map { SpeedSample(windows: $0) }) }
    func steady(_ value: Double) -> [Double] { [value, value * 1.01, value * 0.99, value, value] }
    func areEqual(_ windows: [[Double]]) -> Bool { RankSpeeds(speeds(windows)).areEqual }
    #expect(areEqual([steady(100), steady(95), steady(104)]))
    #expect(!areEqual([steady(100), steady(80)]))
    let mixed = speeds([steady(100), steady(50), steady(98), steady(51)])
    #expect(mixed[0] == mixed[2] && mixed[1] == mixed[3] && abs(mixed[0] / mixed[1] - 1.96) < 0.01, "\(mixed)")
    // Ranks that take turns on a core; and one that was interrupted once.
    #expect(areEqual([[0, 90, 0, 100, 10], [100, 0, 95, 0, 60], [0, 0, 0, 200, 200]]))
    #expect(areEqual([steady(100), [100, 20, 100, 101, 99]]))
    #expect(areEqual([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    let idle = speeds([steady(100), [0, 0, 0, 0, 0]])
    #expect(idle[1] > 0 && idle[1] < idle[0] / 50)
  }
}

@Suite("Layer rules")
struct LayerRuleTests {
  private let names = [
    ["conv1.weight", "/conv1"], ["layer1.0.weight", "/a"], ["layer1.1.weight", "/b"], ["fc", "/fc"],
  ]

  @Test("patterns name weights or nodes, and later rules override earlier ones")
  func rules() throws {
    let rules = [
      LayerRule(pattern: "layer1.*", action: .bits(3)), LayerRule(pattern: "/b", action: .keep),
      LayerRule(pattern: "first", action: .bits(8)), LayerRule(pattern: "last", action: .keep),
    ]
    #expect(try LayerRule.bits(names: names, default: 4, rules: rules) == [8, 3, nil, nil])
  }

  @Test("a pattern that names no layer is an error with an example")
  func nothing() {
    let error = #expect(throws: CoordinationError.self) {
      try LayerRule.bits(names: names, default: 4, rules: [LayerRule(pattern: "layer9.*", action: .keep)])
    }
    #expect(error.map { "\($0)" }?.contains("conv1.weight") == true)
  }
}

@Suite("Tables")
struct TextTableTests {
  @Test("columns are aligned, and no line ends in spaces")
  func alignment() {
    var table = TextTable(["<name", "value"])
    table.add(["a", "1"])
    table.add(["longer", "22"])
    #expect(table.lines == ["name    value", "a           1", "longer     22"])
  }
}
