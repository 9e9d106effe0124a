import MPI

func pipelinedScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func check<Element: MPIElement>(
    _ type: Element.Type, _ communicator: borrowing Communicator, _ route: [Int], _ count: Int, _ pipeline: Pipeline
  ) throws {
    let name = "\(count) \(type) along \(route), \(pipeline)"
    var buffer: [Element] = data.contribution(communicator.rank, count)
    if route.contains(communicator.rank) {
      var span = buffer.mutableSpan
      try communicator.pipelinedBroadcast(&span, along: route, pipeline)
      try expectEqual(buffer, Data.values(route[0], count), name)
    } else {
      try expectEqual(buffer, data.contribution(communicator.rank, count), "a rank that is not on the way: \(name)")
    }
  }

  let size = world.size
  // From every root; the odd ones; the last to the first; all but one.
  var routes = (0..<size).map { root in (0..<size).map { (root + $0) % size } }
  routes.append(Array(stride(from: size - 1, through: 0, by: -2)))
  if size > 2 { routes.append((0..<size).filter { $0 != 1 }.reversed()) }
  for blockSize in [1 << 30, 3] {
    var communicator = try world.duplicate()
    communicator.blockSize = blockSize
    for route in routes {
      for shape in [nil] + Pipeline.Shape.allCases.map(Optional.some) {
        for (bytes, sends) in [(nil, 2), (1, 1), (64, 1), (64, 3), (4096, 16)] {
          let pipeline = Pipeline(shape: shape, segmentBytes: bytes, sendsInFlight: sends)
          for count in [0, 1, 40] { try check(Int32.self, communicator, route, count, pipeline) }
          try check(Double.self, communicator, route, 333, pipeline)
          try check(UInt8.self, communicator, route, 100, pipeline)
        }
      }
    }
  }
  // Large enough for the rendezvous of every transport.
  for route in routes.prefix(2) {
    try check(Float.self, world, route, 700_001, Pipeline(segmentBytes: 128 << 10))
    try check(Float.self, world, route, 700_001, Pipeline(shape: .tree))
  }
}

/// Deliveries of several roots, which begin in an order that nobody else knows, some when others are through.
func stationScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let (rank, size) = (world.rank, world.size)
  let station = try PipelineStation(world)
  try expect(station.isDone, "a station without deliveries has something to do")
  for round in 0..<3 {
    // Number n belongs to rank n % size and goes to all, or to all but one.
    let counts = [1, 40, 3000, 200_000]
    let routes = (0..<size * counts.count).map { number in
      let all = (0..<size).map { (number + $0) % size }
      return number / size % 2 == 1 && size > 2 ? Array(all.dropLast()) : all
    }
    let offsets = routes.indices.map { number in (0..<number).reduce(0) { $0 + 8 * counts[$1 / size] } }
    let memory = NodeMemory(byteCount: offsets.last! + 8 * counts.last!)
    let own = routes.indices.filter { routes[$0][0] == rank }
    for number in own {
      let values: [Double] = data.contribution(rank + number, counts[number / size])
      memory.write(values.span, at: offsets[number])
    }
    station.open(
      routes.indices.filter { routes[$0].contains(rank) && routes[$0].count > 1 }.map { number in
        PipelineStation.Delivery(
          number: number, memory: memory, range: offsets[number]..<offsets[number] + 8 * counts[number / size],
          route: routes[number])
      })
    // Every rank begins with another one of its own, the last rank long after the others.
    var waiting = (own + own)[(rank + round) % own.count..<(rank + round) % own.count + own.count]
    waiting.removeAll { routes[$0].count == 1 }
    var events: [PipelineStation.Event] = []
    var turns = 0
    while !station.isDone || !waiting.isEmpty {
      turns += 1
      if rank < size - 1 || turns > 200, let number = waiting.popFirst() { station.begin(number) }
      if let moved = try station.advance() { events += moved } else if rank == size - 1 { turns += 10 }
    }
    for number in routes.indices where routes[number].contains(rank) && routes[number].count > 1 {
      let count = counts[number / size]
      try expectEqual(
        memory.read(Double.self, at: offsets[number], count: count), Data.values(routes[number][0] + number, count),
        "delivery \(number) of round \(round)")
      let own = events.filter { [.began(number), .arrived(number), .ended(number)].contains($0) }
      try expectEqual(own, [.began(number), .arrived(number), .ended(number)], "what happened to delivery \(number)")
    }
  }
}

func pipelinedErrorScenario(_ world: borrowing Communicator, _ data: Data) throws {
  // The root has fewer elements than the last rank expects.
  let (root, last) = (0, world.size - 1)
  if world.rank == last && last > 0 {
    var buffer = [Int32](repeating: 0, count: 40)
    var span = buffer.mutableSpan
    do {
      try world.pipelinedBroadcast(&span, along: [root, last], Pipeline(segmentBytes: 1024))
      throw Mismatch(description: "30 elements were received into 40")
    } catch let error as MPIError {
      try expectEqual(error, .count(source: root, tag: 32767, expected: 40, received: 30), "the error")
    }
  } else if world.rank == root && last > 0 {
    var buffer: [Int32] = data.contribution(root, 30)
    var span = buffer.mutableSpan
    try world.pipelinedBroadcast(&span, along: [root, last], Pipeline(segmentBytes: 1024))
  }
}

func nodeLayoutScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let (rank, size) = (world.rank, world.size)
  for ranksPerNode in 1...size + 1 {
    let layout = try NodeLayout(world, ranksPerNode: ranksPerNode)
    let first = rank / ranksPerNode * ranksPerNode
    let members = Array(first..<min(first + ranksPerNode, size))
    try expectEqual(layout.nodeOfRank, (0..<size).map { $0 / ranksPerNode }, "nodes of \(ranksPerNode) ranks")
    try expectEqual(layout.nodes[rank / ranksPerNode], members, "the ranks of this node")
    try expectEqual(layout.nodes.count, (size + ranksPerNode - 1) / ranksPerNode, "the number of nodes")
    try expectEqual(try layout.node.allGather(Int64(rank)), members.map { Int64($0) }, "the node's communicator")
    try expectEqual(layout.nodes(of: [size - 1, 0, size - 1]), Set([0, (size - 1) / ranksPerNode]).sorted(), "nodes")
    try expectEqual(layout.sharesMemory, min(ranksPerNode, size) > 1, "whether memory can be shared")
  }
  // All ranks of this test share a host.
  try expectEqual(try NodeLayout(world).nodes, [Array(0..<size)], "the nodes of one host")
}

func nodeWindowScenario(_ world: borrowing Communicator, _ data: Data) throws {
  for ranksPerNode in [1, 2, world.size] {
    let layout = try NodeLayout(world, ranksPerNode: ranksPerNode)
    let members = layout.nodes[layout.nodeOfRank[world.rank]]
    for count in [1, 1000, 300_000] {
      let bytes = count * 8
      try expect(NodeWindow.hasRoom(for: bytes * members.count), "no room in \(NodeWindow.folder)")
      let window = try NodeWindow(byteCount: bytes * members.count, on: layout.node)
      let mine: [Double] = data.contribution(world.rank, count)
      window.memory.write(mine.span, at: layout.node.rank * bytes)
      try window.publish(on: layout.node)
      for (place, member) in members.enumerated() {
        try expectEqual(
          window.memory.read(Double.self, at: place * bytes, count: count), Data.values(member, count),
          "what rank \(member) wrote, nodes of \(ranksPerNode)")
      }
      try expect(window.memory.isShared, "the window is not shared")
      try window.free(on: layout.node)
    }

    // A broadcast from the last rank through the first ranks of the other nodes, one copy on each node.
    let count = 50_000
    let root = world.size - 1
    let window = try NodeWindow(byteCount: 64 + count * 4, on: layout.node)
    let others = layout.nodes.filter { !$0.contains(root) }.map { $0[0] }
    if world.rank == root { window.memory.write((data.contribution(root, count) as [Float]).span, at: 64) }
    if ([root] + others).contains(world.rank) {
      try world.pipelinedBroadcast(
        window.memory, 64..<64 + count * 4, along: [root] + others, Pipeline(segmentBytes: 16 << 10))
    }
    try window.publish(on: layout.node)
    try expectEqual(
      window.memory.read(Float.self, at: 64, count: count), Data.values(root, count), "the copy of the node")
    try window.free(on: layout.node)
  }
  try expect(!NodeWindow.hasRoom(for: 1 << 60), "room for 2^60 bytes")
  let own = NodeMemory(byteCount: 20)
  try expectEqual(own.read(at: 0, count: 5) as [Int32], [0, 0, 0, 0, 0], "memory of one's own")
  own.write(([7, 8] as [Int32]).span, at: 12)
  try expectEqual(own.read(at: 8, count: 3) as [Int32], [0, 7, 8], "what was written to it")
}

/// All ranks learn of a failure while a window is mapped.
func windowFailsScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let layout = try NodeLayout(world)
  let window = try NodeWindow(byteCount: 1000, on: layout.node)
  try world.collectively { if world.rank == world.size - 1 { throw Broken(rank: world.rank) } }
  try window.free(on: layout.node)
}

/// A rank keeps a reference to the memory of a window that is freed.
func windowInUseScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let layout = try NodeLayout(world)
  let window = try NodeWindow(byteCount: 1000, on: layout.node)
  let memory = window.memory
  try window.free(on: layout.node)
  print(memory.byteCount)
}
