import Calibration
import Foundation
import Graphs
import LinearAlgebra
import MPI
import Quantization

/// Measures the rates of this machine with our own kernels: a few seconds.
struct MachineMeasurement {
  /// What the run's row solve is asked for.
  let options: QuantizeOptions
  /// Columns C that are measured, ascending.
  let columns: [Int]

  /// The sizes that every machine is measured at.
  static let standardColumns = [64, 256, 1024, 2048]

  /// What is larger is taken for as fast as this.
  static let largest = 4096

  /// Standard sizes, and those of a model; the largest that is measured where a model has larger ones.
  init(options: QuantizeOptions, modelColumns: Set<Int>) {
    self.options = options
    let sizes = modelColumns.map { min($0, Self.largest) }.sorted().suffix(4)
    columns = Set(Self.standardColumns + sizes).sorted()
  }

  /// The key of what the row solve is measured with.
  static func solveKey(_ options: QuantizeOptions) -> String {
    "\(options.method.rawValue) \(options.effort.rawValue) \(options.grid.rawValue), \(options.scheme.bits) bits, "
      + options.scheme.description
  }

  /// Measures. Collective; the ranks' network is measured if there are several.
  func run(_ world: borrowing Communicator) throws -> Machine {
    let network = try NetworkMeasurement.run(world)
    var rates: [String: [RatePoint]] = [:]
    func add(_ kernel: MachineRate, _ columns: Int, _ rate: Double) {
      rates[kernel.rawValue, default: []].append(RatePoint(columns: columns, rate: max(rate, 1)))
    }
    for size in columns {
      products(size, add)
      try sums(size, add)
      try factors(size, add)
    }
    add(.attention, 1024, try attention())
    add(.elements, 1024, elements())
    try outputs(add)
    copies(add)
    touches(add)
    let files = try FileMeasurement.run()
    return Machine(
      name: "\(ProcessInfo.processInfo.hostName), \(InstructionSet.current.description), OpenBLAS \(BLAS.kernelName)",
      cores: AllowedCores.numbers.count, memory: Int(ProcessInfo.processInfo.physicalMemory), rates: rates,
      solve: Self.solveKey(options), touchRate: Self.touchRate(MAP_SHARED, inLargePages: false), readRate: files.read,
      writeRate: files.write,
      syncSeconds: files.sync, networkRate: network?.rate ?? 12.5e9, latency: network?.latency ?? 2e-6)
  }

  private typealias Add = (MachineRate, Int, Double) -> Void

  /// The products of layers, 512 rows of inputs with C x C weights.
  private func products(_ size: Int, _ add: Add) {
    let (a, b) = (Self.floats(512 * size), Self.floats(size * size))
    var c = [Float](repeating: 0, count: 512 * size)
    let work = 2 * 512 * Double(size) * Double(size)
    let seconds = ProbeClock.seconds {
      GEMM.multiply(
        rows: 512, columns: size, depth: size, a, stride: size, transposed: false, b,
        stride: size, transposed: true, into: &c,
        stride: size)
    }
    add(.product, size, work / seconds)
    guard GEMM.hasFastBFloat16 else { return add(.productBFloat16, size, work / seconds) }
    let (left, right) = (a.map { UInt16($0.bitPattern >> 16) }, b.map { UInt16($0.bitPattern >> 16) })
    let narrow = ProbeClock.seconds {
      try? GEMM.multiply(
        rows: 512, columns: size, depth: size, left, stride: size, transposed: false, right,
        stride: size, transposed: true, into: &c,
        stride: size)
    }
    add(.productBFloat16, size, work / narrow)
  }

  /// X Xᵀ and (X - X̃) X̃ᵀ of a chunk: what a column costs, and what a chunk costs whatever its columns.
  private func sums(_ size: Int, _ add: Add) throws {
    let group = InputGroup(input: 0, unfolding: nil, columns: size, layers: [])
    let scale = SumScale(bound: 1, chunkCount: 1 << 20, columnCount: 1 << 20)
    let square = Double(size) * Double(size)
    let few = 32, many = 544
    var last: (hessian: Double, cross: Double) = (1, 1)
    for type in [ElementType.float32, .bfloat16] {
      if type == .bfloat16, !GEMM.hasFastBFloat16 {
        add(.hessianBFloat16, size, last.hessian)
        add(.crossBFloat16, size, last.cross)
        continue
      }
      func seconds(_ vectors: Int) throws -> (hessian: Double, cross: Double) {
        let tensor = SyntheticTensor.make(TensorType(type, [vectors, size]))
        let columns = try InputColumns(group: group, tensors: [tensor])
        let (sums, cross) = (HessianSums(group: group, scale: scale), CrossSums(group: group, scale: scale))
        return (
          try ProbeClock.seconds { try sums.add(columns) },
          try ProbeClock.seconds { try cross.add(differences: columns.differences(from: columns), quantized: columns) }
        )
      }
      let (low, high) = (try seconds(few), try seconds(many))
      let hessian = max(high.hessian - low.hessian, high.hessian / 4) / Double(many - few)
      let cross = max(high.cross - low.cross, high.cross / 4) / Double(many - few)
      add(type == .float32 ? .hessian : .hessianBFloat16, size, square / hessian)
      add(type == .float32 ? .cross : .crossBFloat16, size, 2 * square / cross)
      if type == .float32 {
        add(.hessianSum, size, square / max(low.hessian - Double(few) * hessian, low.hessian / 10))
        add(.crossSum, size, square / max(low.cross - Double(few) * cross, low.cross / 10))
        last = (square / hessian, 2 * square / cross)
      }
    }
  }

  /// Moments, factor, drift correction, row solve, new weights.
  private func factors(_ size: Int, _ add: Add) throws {
    let (square, cube) = (Double(size) * Double(size), Double(size) * Double(size) * Double(size))
    let group = InputGroup(input: 0, unfolding: nil, columns: size, layers: [])
    let scale = SumScale(bound: 1, chunkCount: 1, columnCount: size)
    let sums = [Int64](repeating: 1 << 20, count: HessianSums.count(group))
    let crossSums = [Int64](repeating: 1 << 20, count: CrossSums.count(group))
    var moments = InputMoments.moments(of: group, sums: sums, scale: scale, columnCount: size)
    add(
      .moments, size,
      square
        / ProbeClock.seconds {
          moments = InputMoments.moments(of: group, sums: sums, scale: scale, columnCount: size)
          moments[0].center()
        })
    let hessian = Self.hessian(size)
    var factor: SharedFactor?
    let order = options.factorOrder
    let errors = [Double](repeating: 1, count: size)
    let seconds = try ProbeClock.seconds {
      factor = try SharedFactor.make(hessian: hessian, order: order, roundingErrors: errors, damping: options.damping)
    }
    add(.factor, size, cube / seconds)
    let made = factor!
    var scaled: [Float] = []
    add(
      .crossMoments, size,
      square
        / ProbeClock.seconds {
          let cross = CrossMoments.moments(of: group, sums: ReadStorage(crossSums), scale: scale, columnCount: size)
          scaled = DriftCorrection.scaled(order: made.order, unit: made.unit, alpha: 1, threads: 1) {
            cross[0].write(row: $0, to: $1)
          }
        })
    let drift = ProbeClock.seconds {
      scaled.withUnsafeMutableBufferPointer {
        DriftCorrection.solve($0.baseAddress!, tiles: 0..<DriftCorrection.tileCount(columns: size), factor: made)
      }
    }
    add(.drift, size, cube / drift)
    sharing(group, add)
    try rows(size, made, add)
  }

  /// What an owner copies where sums cannot stay: out of memory that ranks share.
  private func sharing(_ group: InputGroup, _ add: Add) {
    let (size, count) = (group.columns, CrossSums.count(group))
    let memory = NodeMemory(byteCount: SharedSumMemory.byteCount(count))
    let base = memory.mutableElements(of: UInt8.self, at: 0, count: memory.byteCount).baseAddress!
    let shared = SharedSumMemory(at: UnsafeMutableRawPointer(base), count: count, turn: 0, owner: memory)
    let scale = SumScale(bound: 1, chunkCount: 1, columnCount: size)
    add(.sumClear, size, 8 * Double(count) / ProbeClock.seconds { _ = CrossSums(group: group, scale: scale) })
    add(.sumCopy, size, 8 * Double(count) / ProbeClock.seconds { _ = shared.copy() })
  }

  private func rows(_ size: Int, _ factor: SharedFactor, _ add: Add) throws {
    let square = Double(size) * Double(size)
    let rows = size >= 1024 ? 64 : 256
    let correction = DriftCorrection(
      columns: size, update: FloatStorage([Float](repeating: 1e-3, count: size * size)))
    var tile = Self.floats(RowPartition.tileRows * size)
    let target = ProbeClock.seconds {
      tile.withUnsafeMutableBufferPointer { correction.apply(to: $0.baseAddress!, rows: RowPartition.tileRows) }
    }
    add(.target, size, 2 * square * Double(RowPartition.tileRows) / target)
    let weights = Self.floats(rows * size)
    let planned = layer(rows: rows, size)
    let grid = try planned.tensorGrid(matrix: weights, factors: [factor], grid: options.grid)
    var solver: RowSolver?
    add(
      .solver, size,
      square
        / ProbeClock.seconds {
          solver = RowSolver(
            factor: factor, scheme: options.scheme, grid: options.grid, method: options.method, effort: options.effort,
            tensorGrid: grid)
        })
    var block: RowBlock?
    let solve = try ProbeClock.seconds {
      block = try weights.withUnsafeBufferPointer { try solver!.solve(weights: $0, rows: rows) }
    }
    add(.rows, size, square * Double(rows) / solve)
    replacement(size, factor, block!, add)
  }

  /// A layer with so many rows of `size` columns.
  private func layer(rows: Int, _ size: Int) -> PlannedLayer {
    PlannedLayer(
      layer: Layer(
        name: "", node: 0, weight: 0, input: 0, rows: rows, columns: size, unfolding: nil, layout: .rowMajor,
        channelAxis: 0), scheme: options.scheme, bias: nil)
  }

  /// A layer's weight as the model has it.
  private func weight(_ planned: PlannedLayer) -> Tensor {
    SyntheticTensor.make(
      TensorType(options.isLanguageModel ? .bfloat16 : .float32, [planned.layer.rows, planned.layer.columns]))
  }

  /// New weights of a whole layer, which caches do not hold, and its codes as the journal has them.
  private func replacement(_ size: Int, _ factor: SharedFactor, _ block: RowBlock, _ add: Add) {
    let rows = block.losses.count
    let planned = layer(rows: max(rows, (1 << 20) / size), size)
    let (count, stored) = (Double(planned.layer.rows * size), weight(planned))
    add(.matrix, size, count / ProbeClock.seconds { _ = planned.layer.matrix(from: stored) })
    let bytes = RowMessage.bytes(of: [block])
    let range = RowRange(layer: 0, hessian: 0, rows: 0..<rows)
    let hasBias = options.correctsOutputs && options.method.compensates
    let bias = [Float](repeating: 0, count: planned.layer.rows)
    var solved = QuantizedLayer(planned)
    let replace = ProbeClock.seconds {
      var layer = QuantizedLayer(planned)
      layer.pivots = factor.pivots
      if hasBias { layer.inputMeans = [Double](repeating: 0, count: size) }
      bytes.withUnsafeBytes { bytes in
        for start in stride(from: 0, through: planned.layer.rows - rows, by: rows) {
          var reader = RowMessage.Reader(bytes)
          layer.place(reader.next(range, planned), rows: start..<start + rows)
        }
      }
      layer.predictedLoss = layer.expectedLoss(planned)
      let matrix = layer.dequantized(planned)
      if hasBias {
        let original = planned.layer.matrix(from: stored)
        _ = layer.correctedBias(planned, bias: bias, original: original, dequantized: matrix)
      }
      let tensor = Tensor(planned.layer.tensorOrder(matrix), shape: [planned.layer.rows, size])
      if options.compute == .bf16 { _ = tensor.narrowedToBFloat16 }
      solved = layer
    }
    add(.replace, size, count / replace)
    let pack = ProbeClock.seconds {
      let kept = StoredLayer(solved, planned, bias: nil)
      _ = (kept.codeBytes, kept.valueBytes)
    }
    add(.pack, size, count / pack)
  }

  /// Causal attention of 8 heads of 64 over 1024 tokens.
  private func attention() throws -> Double {
    let width = 512, tokens = 1024
    let node = Node(
      name: "attention", kind: .attention, inputs: [0, 1, 2], outputs: [3],
      attributes: ["is_causal": .int(1), "q_num_heads": .int(8), "kv_num_heads": .int(8)])
    let values = ["q", "k", "v", "y"].map { Value(name: $0, elementType: .float32, shape: nil) }
    let graph = Graph(
      name: "attention", values: values, inputs: [0, 1, 2], outputs: [3], nodes: [node], constants: [:])
    let type = TensorType(.float32, [1, tokens, width])
    let executor = try Executor(graph: graph)
    let plan = try executor.specialize(inputs: [0: type, 1: type, 2: type])
    let tensor = SyntheticTensor.make(type)
    let seconds = try ProbeClock.seconds {
      var table = ValueTable([0: tensor, 1: tensor, 2: tensor])
      try executor.run([0], plan: plan, table: &table)
    }
    return 2 * Double(tokens) * Double(tokens) * Double(width) / seconds
  }

  /// Bytes per second of operators that add two tensors, of 32 MB each: more than caches hold.
  private func elements() -> Double {
    let (a, b) = (Self.floats(1 << 23), Self.floats(1 << 23))
    let seconds = ProbeClock.seconds {
      _ = Tensor(shape: [1 << 23]) { (c: UnsafeMutableBufferPointer<Float>) in
        for index in 0..<1 << 23 { c[index] = a[index] + b[index] }
      }
    }
    return 12 * Double(1 << 23) / seconds
  }

  /// What is measured of layers' inputs and outputs, on 1024 x 1024 of them.
  private func outputs(_ add: Add) throws {
    let (rows, count) = (1024, Double(1 << 20))
    let group = InputGroup(input: 0, unfolding: nil, columns: rows, layers: [])
    let layer = Layer(
      name: "", node: 0, weight: 0, input: 0, rows: rows, columns: rows, unfolding: nil, layout: .rowMajor,
      channelAxis: 0)
    let tensor = SyntheticTensor.make(TensorType(options.compute.elementType, [1024, rows]))
    let columns = try InputColumns(group: group, tensors: [tensor])
    add(.bounds, 1024, count / (try ProbeClock.seconds { _ = try columns.largestSumOfSquares() }))
    let output = SyntheticTensor.make(TensorType(.float32, [1024, rows]))
    add(.channels, 1024, count / ProbeClock.seconds { _ = ChannelSums(output, channels: rows, channelsFirst: false) })
    var sums = HeldOutSums(rows: rows)
    add(
      .comparison, 1024,
      count / ProbeClock.seconds { sums.add(quantized: output, sameInputs: output, floatNetwork: output, layer: layer) }
    )
  }

  /// Copies of pieces of several sizes, as messages and matrices are: large ones go to new memory, small ones to what was in use before.
  private func copies(_ add: Add) {
    for kibibytes in [64, 1024, 8 << 10, 64 << 10] {
      let source = [UInt8](repeating: 1, count: kibibytes << 10)
      let seconds = ProbeClock.seconds {
        _ = [UInt8](unsafeUninitializedCapacity: source.count) { target, initialized in
          source.withUnsafeBytes { UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
          initialized = source.count
        }
      }
      add(.copy, kibibytes, Double(source.count) / seconds)
    }
  }

  /// Memory that the system gives for the first time, in small pages and in large ones: what that takes beyond writing it.
  private func touches(_ add: Add) {
    add(.touch, 1024, Self.touchRate(MAP_PRIVATE, inLargePages: false))
    add(.touch, 8192, Self.touchRate(MAP_PRIVATE, inLargePages: true))
  }

  /// Bytes per second of new memory until its pages are there.
  private static func touchRate(_ kind: Int32, inLargePages: Bool) -> Double {
    let count = 32 << 20
    var times: [Double] = []
    for _ in 0..<3 {
      let memory = mmap(nil, count, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0)
      guard let memory, memory != MAP_FAILED else { continue }
      if inLargePages { madvise(memory, count, MADV_HUGEPAGE) }
      let (fresh, again) = (ProbeClock.once { memset(memory, 0, count) }, ProbeClock.once { memset(memory, 0, count) })
      times.append(max(fresh - again, fresh / 100))
      munmap(memory, count)
    }
    return Double(count) / (times.sorted().dropFirst().first ?? 1e-2)
  }

  private static func floats(_ count: Int) -> [Float] { (0..<count).map(SyntheticTensor.number) }

  /// A positive definite matrix.
  private static func hessian(_ size: Int) -> SymmetricMatrix {
    let spread = 0.5 / Double(size).squareRoot()
    var upper = [Double](repeating: 0, count: SymmetricMatrix.count(order: size))
    for index in upper.indices { upper[index] = 2 * spread * Double(SyntheticTensor.number(index)) }
    for row in 0..<size {
      upper[SymmetricMatrix.rowStart(row, order: size)] = 2 + Double(SyntheticTensor.number(row))
    }
    return SymmetricMatrix(order: size, upper: upper)
  }
}
