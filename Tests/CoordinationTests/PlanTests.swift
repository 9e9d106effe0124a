import Foundation
import Graphs
import LinearAlgebra
import Models
import Quantization
import TestSupport
import Testing

@testable import Coordination

/// Plans of a tiny language model beside its runs, and of models of which only the configuration is there.
@Suite("Plans", .serialized)
struct PlanTests {
  private static let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")

  /// A machine on which everything takes 1e-9 seconds for a unit.
  private static func machine(memory: Int = 1 << 40) -> Machine {
    let rates = Dictionary(
      uniqueKeysWithValues: MachineRate.allCases.map { ($0.rawValue, [RatePoint(columns: 64, rate: 1e9)]) })
    return Machine(
      name: "test", cores: 64, memory: memory, rates: rates, solve: "", touchRate: 1e10, readRate: 1e9, writeRate: 1e9,
      syncSeconds: 1e-3, networkRate: 12.5e9, latency: 2e-6)
  }

  private static func options(_ model: String, samples: Int = 24, length: Int = 32) -> QuantizeOptions {
    var options = QuantizeOptions(
      model: model, calibration: "", output: "",
      scheme: QuantizationScheme(bits: 4, symmetric: true, granularity: .group(size: 128)))
    (options.choosesGroupSize, options.samples, options.sequenceLength) = (true, samples, length)
    return options
  }

  private static func entries(
    _ model: String, _ layouts: [(nodes: Int, ranks: Int)], machine: Machine = machine(), samples: Int = 24,
    length: Int = 32, threads: Int = 1
  ) throws -> [PlanEntry] {
    var options = PlanOptions(quantize: options(model, samples: samples, length: length), layouts: [])
    options.threads = threads
    let plan = try PlanRun(options)
    let costs = try OperatorCosts(plan.run, machine)
    let stages = PlannedStage.all(costs)
    return layouts.map { plan.entry(.init(nodes: $0.nodes, ranks: $0.ranks), costs, stages) }
  }

  /// A `config.json` with a Llama of the sizes of a large one.
  private static func configuration(hidden: Int, blocks: Int, intermediate: Int, heads: Int) throws -> String {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appending(path: "\(hidden)-\(blocks).json")
    try Data(
      """
      {"model_type": "llama", "hidden_size": \(hidden), "num_hidden_layers": \(blocks),
       "intermediate_size": \(intermediate), "num_attention_heads": \(heads), "num_key_value_heads": 8,
       "vocab_size": 128256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "hidden_act": "silu",
       "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
      """.utf8
    ).write(to: file)
    return file.path
  }

  @Test("traffic, samples and layers are those of a run", arguments: [(3, 3), (4, 2), (5, 3)])
  func sameAsRun(ranks: Int, nodes: Int) throws {
    let folder = Self.folder.appending(path: UUID().uuidString)
    let (model, tokens, output, report) = (
      folder.appending(path: "model"), folder.appending(path: "tokens.npy"), folder.appending(path: "output"),
      folder.appending(path: "report.json")
    )
    try TinyLlama.write(to: model)
    try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    defer { try? FileManager.default.removeItem(at: folder) }
    let launch = try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"),
      arguments: [
        "quantize", model.path, "--calibration", tokens.path, "--output", output.path, "--report", report.path,
        "--threads", "1",
      ], environment: ["RANKWISE_RANKS_PER_NODE": "\((ranks + nodes - 1) / nodes)"], timeout: .seconds(240))
    #expect(launch.status == 0, "\(launch.errors)")
    let run = try JSONDecoder().decode(QuantizationReport.self, from: Data(contentsOf: report))
    let planned = try PlanRun(PlanOptions(quantize: Self.options(model.path), layouts: [])).run
    #expect(planned.chunkPartition.samples.count == run.samples)
    #expect(planned.heldOutPartition?.samples.count == run.heldOutSamples)
    #expect(planned.chunkPartition.chunkSize == run.chunkSize)
    #expect(planned.layers.map(\.layer.name) == run.layers.map(\.name))
    let entry = try Self.entries(model.path, [(nodes, ranks)])[0]
    #expect(entry.factorTraffic == run.factorTraffic)
    #expect(run.factorTraffic.bytesSent > 0)
  }

  @Test("config.json alone gives the plan that the folder gives")
  func configurationAlone() throws {
    let folder = Self.folder.appending(path: UUID().uuidString)
    try TinyLlama.write(to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let whole = try Self.entries(folder.path, [(1, 1), (2, 4)])
    let file = try Self.entries(folder.appending(path: "config.json").path, [(1, 1), (2, 4)])
    for (whole, file) in zip(whole, file) {
      #expect(whole.factorTraffic == file.factorTraffic)
      #expect((whole.reducedBytes, whole.gatheredBytes) == (file.reducedBytes, file.gatheredBytes))
      #expect(whole.slowest["solve"] == file.slowest["solve"])
      #expect(whole.slowest["factor"] == file.slowest["factor"])
    }
  }

  @Test("more nodes take no more time in what they share, and no rank more memory for activations")
  func monotone() throws {
    let model = try Self.configuration(hidden: 1024, blocks: 4, intermediate: 4096, heads: 16)
    let entries = try Self.entries(
      model, [(1, 1), (2, 2), (4, 4), (8, 8)], samples: 64, length: 256)
    for (few, many) in zip(entries, entries.dropFirst()) {
      for phase in ["forward", "hessian", "solve", "factor"] {
        #expect(many.slowest[phase]! <= few.slowest[phase]! * 1.0001, "\(phase) on \(many.nodes)")
      }
      #expect(many.seconds < few.seconds)
      #expect(many.memoryParts["activations"]! <= few.memoryParts["activations"]!)
      #expect(many.factorTraffic.bytesSent >= few.factorTraffic.bytesSent)
    }
    let slower = try Self.entries(model, [(1, 1)], samples: 128, length: 256)
    #expect(slower[0].slowest["forward"]! > 1.9 * entries[0].slowest["forward"]!)
    #expect(abs(entries[0].slowest.values.reduce(0, +) - entries[0].seconds) < 1e-3 * entries[0].seconds)
  }

  @Test("threads that chunks leave over shorten a plan, by no more than there are of them")
  func moreThreadsThanChunks() throws {
    let model = try Self.configuration(hidden: 1024, blocks: 4, intermediate: 4096, heads: 16)
    func entry(_ threads: Int, samples: Int) throws -> PlanEntry {
      try Self.entries(model, [(1, 1)], samples: samples, length: 256, threads: threads)[0]
    }
    // One chunk.
    let (one, four) = (try entry(1, samples: 1), try entry(4, samples: 1))
    for phase in ["forward", "hessian"] {
      #expect(four.slowest[phase]! < 0.5 * one.slowest[phase]!, "\(phase)")
      #expect(four.slowest[phase]! >= 0.2499 * one.slowest[phase]!, "\(phase)")
    }
    // Five chunks, none held out: a round of four, and one that four threads share.
    let (alone, five) = (try entry(1, samples: 5), try entry(4, samples: 5))
    #expect(five.slowest["forward"]! < 0.4 * alone.slowest["forward"]!)
    #expect(five.slowest["forward"]! >= 0.2499 * alone.slowest["forward"]!)
  }

  @Test("a model of 405 billion weights on 10,000 ranks is planned in seconds, without memory for its weights")
  func manyRanks() throws {
    let model = try Self.configuration(hidden: 16384, blocks: 126, intermediate: 53248, heads: 128)
    let start = ThreadClock.seconds
    let entry = try Self.entries(model, [(2500, 10_000)], samples: 512, length: 2048)[0]
    #expect(ThreadClock.seconds - start < 30)
    #expect(entry.factorTraffic.nodes == 2500)
    // Weights of layers come and go with their stages.
    #expect(entry.memoryParts["model"]! < 1_000_000_000)
    #expect(entry.rankMemory < 200_000_000_000)
  }

  @Test("a layout that does not fit is refused, with nodes that would do")
  func refusal() throws {
    let model = try Self.configuration(hidden: 4096, blocks: 32, intermediate: 14336, heads: 32)
    let file = Self.folder.appending(path: "small.machine")
    try Self.machine(memory: 4 << 30).write(to: file.path)
    let launch = try mpirun(
      ranks: 1, executable: try builtExecutable(named: "rankwise"),
      arguments: ["plan", model, "--machine", file.path, "--compute", "float32"])
    #expect(launch.status == 1)
    #expect(launch.errors.contains("of memory per node, which has 4.29 GB"), "\(launch.errors)")
    #expect(launch.errors.contains("more nodes do not help"), "\(launch.errors)")
    let enough = try mpirun(
      ranks: 1, executable: try builtExecutable(named: "rankwise"),
      arguments: [
        "plan", model, "--machine", file.path, "--compute", "float32", "--memory-per-node", "2TiB", "--nodes", "1..4",
      ])
    #expect(enough.status == 0, "\(enough.errors)")
    #expect(enough.output.contains("each step up to"))
  }

  @Test("nothing in the file of a machine is trusted")
  func badMachines() throws {
    try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
    let file = Self.folder.appending(path: "bad.machine").path
    try Self.machine().write(to: file)
    #expect(try Machine(contentsOf: file) == Self.machine())
    func refuses(_ change: (inout Machine) -> Void, _ text: String) throws {
      var machine = Self.machine()
      change(&machine)
      try machine.write(to: file)
      let error = #expect(throws: CoordinationError.self) { try Machine(contentsOf: file) }
      #expect("\(error!)".contains(text), "\(error!)")
    }
    try refuses({ $0.cores = 0 }, "cores is 0")
    try refuses({ $0.networkRate = -1 }, "networkRate is -1")
    try refuses({ $0.latency = 1e9 }, "latency is")
    try refuses({ $0.kind = "other" }, "its kind is not")
    try refuses({ $0.rates["factor"] = nil }, "no rates of factor")
    try refuses({ $0.rates["rows"] = [RatePoint(columns: 64, rate: 0)] }, "rates of rows")
    try refuses({ $0.rates["rows"] = [RatePoint(columns: 64, rate: 1), RatePoint(columns: 64, rate: 1)] }, "ascending")
    try refuses({ $0.operators["x"] = -1 }, "the seconds of \"x\"")
    try refuses(
      {
        $0.renewals["y"] = 2; $0.renewals["y"]! -= 3
      }, "the seconds of \"y\"")
    try refuses({ $0.syncSeconds = 11 }, "syncSeconds is 11")
    try Data("{".utf8).write(to: URL(filePath: file))
    #expect(throws: CoordinationError.self) { try Machine(contentsOf: file) }
    #expect(throws: CoordinationError.self) { try Machine(contentsOf: file + ".missing") }
  }

  @Test("operators, sums and what is looked at are measured in the order of a run, each with a time of its own")
  func operators() throws {
    let folder = Self.folder.appending(path: UUID().uuidString)
    try TinyLlama.write(to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    for path in [folder.path, folder.appending(path: "config.json").path] {
      let run = try PlanRun(PlanOptions(quantize: Self.options(path), layouts: [])).run
      let costs = try OperatorCosts(run, Self.machine())
      let machine = try OperatorMeasurement.measured(costs, hasWeights: path == folder.path)
      let nodes = run.executionOrder.filter { !costs.plan.isFolded($0) }
      #expect(nodes.allSatisfy { machine.operators[costs.signature($0)] != nil })
      for group in run.stages.flatMap(\.inputGroups) {
        for kind in ["bounds", "drift", "sums", "cross"] {
          #expect(machine.operators["\(kind) \(costs.signature(group))"] != nil, "\(kind)")
        }
      }
      for layer in run.layers {
        #expect(machine.operators["comparison \(costs.outputSignature(layer.layer))"] != nil)
      }
      #expect(machine.operators.values.allSatisfy { $0 > 0 && $0 < 1 })
      // A plan takes them, not the rates.
      let entry = PlannedStage.all(try OperatorCosts(run, machine))[0]
      #expect(entry.forwardSeconds != PlannedStage.all(costs)[0].forwardSeconds)
    }
  }

  @Test("what is met for the first time, or with new weights, is told from what recurs")
  func samples() {
    var samples = ProbeSamples()
    #expect(samples.seconds == nil)
    samples.add(9, isNew: true)
    #expect(samples.seconds == 9 && samples.preparation == 0)
    for time in [1.0, 1, 1, 1, 1, 1, 1, 1, 1, 100] { samples.add(time, isNew: false) }
    samples.add(3, isNew: true)
    // One time in ten may be another program's fault.
    #expect(samples.seconds == 1 && samples.preparation == 8 && samples.renewal == 2)
  }

  @Test("the journal is planned: rank 0 packs every stage, and waits for the disk twice a second")
  func commits() throws {
    let model = try Self.configuration(hidden: 1024, blocks: 4, intermediate: 4096, heads: 16)
    let few = try Self.entries(model, [(1, 1)], samples: 64, length: 256)[0]
    let many = try Self.entries(model, [(1, 1)], samples: 128, length: 256)[0]
    let (packed, more) = (few.slowest["commit"]!, many.slowest["commit"]!)
    // All but the last stages wait, in runs of more than half a second.
    #expect(packed > 2e-3 && more >= packed)
    #expect(more < many.seconds / 100)
    #expect(few.phases.first { $0.phase == "commit" }!.minimum == packed)
  }

  @Test("a rate lies between those of the sizes around it, and is that of the nearest beyond them")
  func rates() {
    var machine = Self.machine()
    machine.rates["factor"] = [RatePoint(columns: 100, rate: 1e9), RatePoint(columns: 400, rate: 4e9)]
    #expect(machine.rate(.factor, columns: 10) == 1e9)
    #expect(machine.rate(.factor, columns: 1000) == 4e9)
    #expect(abs(machine.rate(.factor, columns: 200) - 2e9) < 1)
  }
}
