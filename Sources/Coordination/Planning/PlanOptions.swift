/// What a plan is asked about.
public struct PlanOptions: Sendable {
  /// So many ranks, on so many nodes, evenly.
  public struct Layout: Sendable, Codable, Equatable {
    /// Number of nodes.
    public var nodes: Int
    /// Number of ranks, at least one on each node.
    public var ranks: Int

    /// Makes a layout.
    public init(nodes: Int, ranks: Int) { (self.nodes, self.ranks) = (nodes, ranks) }
  }

  /// The run that is planned; its output is not written. Of a text the number of samples counts, not what it says.
  public var quantize: QuantizeOptions
  /// The layouts, in the order of the table.
  public var layouts: [Layout]
  /// Threads of a rank; nil for the node's cores, shared by its ranks.
  public var threads: Int?
  /// Replaces the number of cores of a node.
  public var coresPerNode: Int?
  /// Replaces the bytes of memory of a node.
  public var memoryPerNode: Int?
  /// Replaces the bytes per second of a node's link.
  public var networkRate: Double?
  /// Replaces the seconds of a small message.
  public var latency: Double?
  /// The machine's file; nil to measure this one.
  public var machine: String?
  /// Where the machine is written that was measured; nil for nowhere.
  public var measuredMachine: String?
  /// The least efficiency of a step from one layout to the next, at which more nodes pay off.
  public var worthwhile = 0.7

  /// Options with every default but these.
  public init(quantize: QuantizeOptions, layouts: [Layout]) { (self.quantize, self.layouts) = (quantize, layouts) }
}
