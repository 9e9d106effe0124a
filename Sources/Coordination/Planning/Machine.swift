import Foundation

/// A node of a cluster and its network, as far as the time of a run follows from them.
///
/// Measured by `MachineMeasurement`, kept in a file, and perhaps given another number of cores or another network.
public struct Machine: Sendable, Codable, Equatable {
  /// What files say that they are.
  static let format = "rankwise machine 2"

  /// `format`.
  public var kind = Machine.format
  /// Where and how it was measured, for people.
  public var name: String
  /// Cores of a node.
  public var cores: Int
  /// Bytes of memory of a node.
  public var memory: Int
  /// Rates of one thread by kernel, each with ascending columns.
  public var rates: [String: [RatePoint]]
  /// What `rates` of the row solve were measured with: method, effort, grid, bits, granularity.
  public var solve: String
  /// Seconds of one thread for operators and input groups of particular shapes, by their signatures.
  public var operators: [String: Double] = [:]
  /// Seconds that these take beyond that when they are met for the first time.
  public var preparations: [String: Double] = [:]
  /// Seconds that operators take beyond that with new weights.
  public var renewals: [String: Double] = [:]
  /// Bytes per second of memory that ranks of a node share, when it is touched for the first time.
  public var touchRate: Double
  /// Bytes per second from a file that was read before.
  public var readRate: Double
  /// Bytes per second into a file, until they are on the disk.
  public var writeRate: Double
  /// Seconds until a small file and its name are on the disk.
  public var syncSeconds: Double
  /// Bytes per second of a link of a node, each way.
  public var networkRate: Double
  /// Seconds of a small message between nodes.
  public var latency: Double
  /// Seconds in which two ranks of a node agree on a number.
  public var agreement = 3.5e-6

  /// Units per second of one thread at `columns` columns: between two measured sizes by the logarithm of the size, beyond them
  /// as at the nearest.
  func rate(_ kernel: MachineRate, columns: Int) -> Double {
    let points = rates[kernel.rawValue]!
    guard let above = points.firstIndex(where: { $0.columns >= columns }) else { return points[points.count - 1].rate }
    if above == 0 { return points[0].rate }
    let (low, high) = (points[above - 1], points[above])
    let share = log(Double(columns) / Double(low.columns)) / log(Double(high.columns) / Double(low.columns))
    return low.rate * pow(high.rate / low.rate, share)
  }

  /// Seconds to copy so many bytes, in one piece.
  func copySeconds(_ bytes: Double) -> Double { bytes / rate(.copy, columns: max(1, Int(bytes / 1024))) }

  /// Reads a file that `write` wrote. Throws for what cannot be: nothing in it is trusted.
  public init(contentsOf path: String) throws {
    func refusal(_ reason: String) -> CoordinationError {
      .machine(path: path, reason: "\(reason); write one with rankwise plan MODEL --measure-machine FILE")
    }
    let machine: Machine
    do {
      machine = try JSONDecoder().decode(Machine.self, from: Data(contentsOf: URL(filePath: path)))
    } catch {
      throw refusal("it is no file of a machine (\(error.localizedDescription))")
    }
    guard machine.kind == Machine.format else { throw refusal("its kind is not \"\(Machine.format)\"") }
    if let problem = machine.problem { throw refusal(problem) }
    self = machine
  }

  init(
    name: String, cores: Int, memory: Int, rates: [String: [RatePoint]], solve: String, touchRate: Double,
    readRate: Double, writeRate: Double, syncSeconds: Double, networkRate: Double, latency: Double
  ) {
    (self.name, self.cores, self.memory, self.rates, self.solve) = (name, cores, memory, rates, solve)
    (self.touchRate, self.readRate, self.writeRate) = (touchRate, readRate, writeRate)
    (self.syncSeconds, self.networkRate, self.latency) = (syncSeconds, networkRate, latency)
  }

  /// What cannot be true of a machine; nil if nothing.
  private var problem: String? {
    if !(1...65_536).contains(cores) { return "cores is \(cores)" }
    if !(1 << 20...1 << 50).contains(memory) { return "memory is \(memory)" }
    for (name, value) in [
      ("touchRate", touchRate), ("readRate", readRate), ("writeRate", writeRate),
      ("networkRate", networkRate),
    ] where !(value.isFinite && value >= 1) { return "\(name) is \(value)" }
    for (name, value) in [("latency", latency), ("syncSeconds", syncSeconds), ("agreement", agreement)]
    where !(value.isFinite && value >= 0 && value < 10) { return "\(name) is \(value)" }
    for kernel in MachineRate.allCases {
      guard let points = rates[kernel.rawValue], !points.isEmpty else { return "it has no rates of \(kernel.rawValue)" }
      guard points.allSatisfy({ $0.columns > 0 && $0.rate.isFinite && $0.rate >= 1 }),
        zip(points, points.dropFirst()).allSatisfy({ $0.columns < $1.columns })
      else { return "rates of \(kernel.rawValue) are not above 0 at ascending columns" }
    }
    if let bad = [operators, preparations, renewals].lazy.joined().first(where: {
      !($0.value.isFinite && $0.value >= 0)
    }) {
      return "the seconds of \"\(bad.key)\" are \(bad.value)"
    }
    return nil
  }

  /// Writes the machine as JSON.
  public func write(to path: String) throws { try JSONReport.write(self, to: path) }
}
