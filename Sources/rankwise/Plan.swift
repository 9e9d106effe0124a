import ArgumentParser
import Coordination
import Foundation
import MPI
import Models
import Quantization

/// `rankwise plan`.
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Tells what a quantization would take on given ranks and nodes: time and memory by phase, before anything runs.",
    discussion: """
      MODEL may be a config.json alone. Without --machine this machine's rates are measured, with the model's shapes; under \
      mpirun also the way between the first and the last rank. --cores-per-node, --network and so on replace what is different \
      where the run will be.
      """)

  @Argument(help: "The ONNX model; the folder of a language model; or its config.json.")
  var model: String

  @Option(help: "Samples, for their shape and number. Of a text --samples counts.")
  var calibration: String?

  @Option(help: "Tokens of a sequence (default: 2048, or what the model takes at most).")
  var sequenceLength: Int?

  @Option(help: ArgumentHelp("Numbers of ranks (default: one for each node).", valueName: "list"))
  var ranks: NumberList?

  @Option(help: ArgumentHelp("Numbers of nodes, comma-separated, or 1..256 for powers of two.", valueName: "list"))
  var nodes: NumberList = NumberList(numbers: [1])

  @Option(help: ArgumentHelp("Read the machine from this file.", valueName: "file"))
  var machine: String?

  @Option(help: ArgumentHelp("Measure this machine and write it to this file.", valueName: "file"))
  var measureMachine: String?

  @Option(help: "Cores of a node (default: the machine's).")
  var coresPerNode: Int?

  @Option(help: ArgumentHelp("Memory of a node, such as 512GiB (default: the machine's).", valueName: "size"))
  var memoryPerNode: String?

  @Option(
    help: ArgumentHelp("The memory that a rank may take, as of quantize, such as 8GiB.", valueName: "size"))
  var memoryLimit: String?

  @Option(
    help: ArgumentHelp("Speed of a node's link, such as 100Gbit (default: measured, or 100Gbit).", valueName: "rate"))
  var network: String?

  @Option(help: ArgumentHelp("Time of a small message, such as 2us (default: measured, or 2us).", valueName: "time"))
  var latency: String?

  @Option(help: "The least efficiency of a step in nodes at which it pays off.")
  var worthwhile = 0.7

  @Option(help: "Bits of a weight, 2 to 8.")
  var bits = 4

  @Option(help: "How codes are chosen.")
  var method = Method.compensate

  @Option(help: "The order of columns.")
  var order = ColumnOrder.pivot

  @Option(help: "How steps are searched.")
  var grid = GridSearch.l24

  @Option(
    help: "How many roundings of a row are followed at once; fast also leaves out drift correction and held-out losses."
  )
  var effort = Effort.balanced

  @Flag(help: "Zero points in the middle of the codes, or not (default: language models).")
  var symmetry: Quantize.Symmetry?

  @Option(help: "Columns of a group (default: as quantize chooses for language models, else one scale per channel).")
  var groupSize: Int?

  @Option(help: "How far weights move against drift: off, or up to 1.")
  var driftCorrection: Quantize.DriftStrength?

  @Option(help: "Share of the samples that is held out.")
  var heldOut: Double?

  @Option(help: "What a language model's layers are computed in (default: bf16 where the CPUs multiply it).")
  var compute: ComputeType?

  @Option(name: .long, parsing: .singleValue, help: ArgumentHelp("Layers that stay float.", valueName: "pattern"))
  var keep: [String] = []

  @Option(help: "Write the plan as JSON to this file.")
  var report: String?

  @OptionGroup var sampleOptions: SampleOptions

  func validate() throws {
    if !(2...8).contains(bits) { throw ValidationError("--bits is \(bits); it must be 2 to 8") }
    if let heldOut, !(0...0.5).contains(heldOut) {
      throw ValidationError("--held-out is \(heldOut); it must be 0 to 0.5")
    }
    if let groupSize, groupSize < 1 { throw ValidationError("--group-size is \(groupSize); it must be at least 1") }
    if let sequenceLength, !(2...1 << 24).contains(sequenceLength) {
      throw ValidationError("--sequence-length is \(sequenceLength); it must be at least 2")
    }
    if let samples = sampleOptions.samples, samples > 1 << 20 {
      throw ValidationError("--samples is \(samples); a plan takes up to 1048576")
    }
    if let coresPerNode, !(1...4096).contains(coresPerNode) {
      throw ValidationError("--cores-per-node is \(coresPerNode); it must be 1 to 4096")
    }
    if !(0...1).contains(worthwhile) { throw ValidationError("--worthwhile is \(worthwhile); it must be 0 to 1") }
    if machine != nil, measureMachine != nil { throw ValidationError("give --machine or --measure-machine, not both") }
    _ = try SizeList.optionalBytes(memoryLimit, "--memory-limit")
    _ = try layouts()
    _ = try quantities()
  }

  mutating func run() throws {
    let command = self
    MPIEnvironment.run { world in
      let isLanguageModel = command.isLanguageModel
      let compute = try ComputeType.agreed(asked: command.compute, isLanguageModel: isLanguageModel, world)
      let plan = try world.collectively { try PlanRun(try command.options(compute)) }
      let report = try plan.plan(world)
      try world.collectively {
        if world.rank == 0, let path = command.report { try report.write(to: path) }
      }
      show(report.text, on: world)
    }
  }

  private var isLanguageModel: Bool { QuantizeOptions.isLanguageModel(model) || model.lowercased().hasSuffix(".json") }

  private func options(_ compute: ComputeType) throws -> PlanOptions {
    let granularity: QuantizationScheme.Granularity =
      groupSize != nil || isLanguageModel ? .group(size: groupSize ?? 128) : .channel
    var quantize = QuantizeOptions(
      model: model, calibration: calibration ?? "", output: "",
      scheme: QuantizationScheme(
        bits: bits, symmetric: symmetry.map { $0 == .symmetric } ?? isLanguageModel, granularity: granularity))
    if case .group = granularity { quantize.choosesGroupSize = groupSize == nil }
    (quantize.method, quantize.order, quantize.grid, quantize.effort) = (method, order, grid, effort)
    quantize.driftCorrection = driftCorrection?.alpha ?? (effort == .fast ? 0 : 1)
    quantize.heldOut = heldOut ?? (effort == .fast ? 0 : 0.125)
    (quantize.sequenceLength, quantize.samples) = (sequenceLength, sampleOptions.samples)
    quantize.normalization = try sampleOptions.normalization()
    quantize.rules = keep.map { LayerRule(pattern: $0, action: .keep) }
    quantize.compute = compute
    quantize.memoryLimit = try SizeList.optionalBytes(memoryLimit, "--memory-limit")
    var options = PlanOptions(quantize: quantize, layouts: try layouts())
    (options.threads, options.machine, options.measuredMachine) = (sampleOptions.threads, machine, measureMachine)
    (options.coresPerNode, options.worthwhile) = (coresPerNode, worthwhile)
    (options.memoryPerNode, options.networkRate, options.latency) = try quantities()
    return options
  }

  private func layouts() throws -> [PlanOptions.Layout] {
    let ranks = ranks?.numbers ?? nodes.numbers
    let count = max(ranks.count, nodes.numbers.count)
    guard [1, count].contains(ranks.count), [1, count].contains(nodes.numbers.count) else {
      throw ValidationError(
        "--ranks has \(ranks.count) numbers and --nodes \(nodes.numbers.count); give as many, or one")
    }
    return try (0..<count).map { index in
      let (rank, node) = (ranks[min(index, ranks.count - 1)], nodes.numbers[min(index, nodes.numbers.count - 1)])
      guard rank >= node else { throw ValidationError("\(rank) ranks on \(node) nodes: each node needs one") }
      return PlanOptions.Layout(nodes: node, ranks: rank)
    }
  }

  private func quantities() throws -> (memory: Int?, rate: Double?, latency: Double?) {
    func number(_ text: String?, _ option: String, _ units: [(String, Double)], _ example: String) throws -> Double? {
      guard let text else { return nil }
      for (unit, factor) in units where text.hasSuffix(unit) {
        if let value = Double(text.dropLast(unit.count)), value.isFinite, value > 0, value * factor < 1e16 {
          return value * factor
        }
      }
      throw ValidationError("\(option) is \"\(text)\"; it must be such as \(example)")
    }
    let bytes = [("GiB", 0x1p30), ("MiB", 0x1p20), ("TiB", 0x1p40), ("GB", 1e9), ("TB", 1e12)]
    return (
      try number(memoryPerNode, "--memory-per-node", bytes, "512GiB").map { Int($0) },
      try number(network, "--network", [("Gbit", 1.25e8), ("Mbit", 1.25e5)], "100Gbit"),
      try number(latency, "--latency", [("us", 1e-6), ("ms", 1e-3)], "2us")
    )
  }
}
