import Graphs
import Testing

@testable import Calibration

@Suite("Tokens of experts")
struct ExpertTokensTests {
  /// A mixture of 3 experts, each token using one: expert e multiplies by e + 1.
  private struct Mixture {
    var graph = Graph(name: "mixture", values: [], inputs: [], outputs: [], nodes: [], constants: [:])
    var x = 0, shares = 1, weights = 2, chosen = 3, sum = 4
    /// Of each expert.
    var tokens: [ValueID] = [], outputs: [ValueID] = []

    init() {
      let names = ["x", "shares", "weights", "chosen", "sum"]
      graph.values = names.map {
        Value(name: $0, elementType: $0 == "chosen" ? .bool : .float32, shape: nil)
      }
      graph.inputs = [x, shares]
      graph.nodes.append(
        Node(
          name: "route", kind: .expertWeights, inputs: [shares], outputs: [weights, chosen],
          attributes: ["k": .int(1), "normalize": .int(0)]))
      for expert in 0..<3 {
        let first = graph.values.count
        graph.values += ["tokens", "weight", "output"].map {
          Value(name: "\($0)\(expert)", elementType: .float32, shape: nil)
        }
        graph.constants[first + 1] = Tensor([Float(expert + 1), 0, 0, Float(expert + 1)], shape: [2, 2])
        graph.nodes += [
          Node(
            name: "tokens\(expert)", kind: .expertTokens, inputs: [x, chosen], outputs: [first],
            attributes: ["expert": .int(expert), "k": .int(1)]),
          Node(
            name: "layer\(expert)", kind: .gemm, inputs: [first, first + 1], outputs: [first + 2],
            attributes: ["transB": .int(1)]),
        ]
        tokens.append(first)
        outputs.append(first + 2)
      }
      graph.nodes.append(
        Node(name: "sum", kind: .expertSum, inputs: [weights, chosen] + outputs, outputs: [sum], attributes: [:]))
      graph.outputs = [sum]
    }

    let inputs = [
      0: Tensor([Float(1), 2, 3, 4, 5, 6, 7, 8], shape: [4, 2]),
      1: Tensor([0.5, 0.25, 0.125, 0.25, 0.5, 0.375, 0.75, 0, 0.125, 0.25, 0.125, 0.5] as [Float], shape: [4, 3]),
    ]

    func run(_ extra: ExtraTokens?) throws -> ValueTable {
      let executor = try Executor(graph: graph)
      var table = ValueTable(inputs)
      try executor.run(
        graph.nodes.indices, plan: try executor.specialize(inputs: inputs.mapValues(\.type)), extra: extra,
        table: &table)
      return table
    }
  }

  @Test("an expert has rows for its own tokens only; the sum is that of all tokens through all experts, weighted")
  func routed() throws {
    let mixture = Mixture()
    let table = try mixture.run(nil)
    #expect(mixture.tokens.map { table[$0]!.shape } == [[2, 2], [1, 2], [1, 2]])
    #expect(table[mixture.tokens[0]]!.array(of: Float.self) == [1, 2, 5, 6])
    #expect(table[mixture.sum]!.array(of: Float.self) == [0.5, 1, 3, 4, 3.75, 4.5, 10.5, 12])
    let routes = mixture.graph.expertRoutes()
    let route = try #require(routes[mixture.outputs[2]])
    #expect((route.weights, route.chosen, route.expert) == (mixture.weights, mixture.chosen, 2))
    #expect(routes[mixture.sum] == nil && routes[mixture.x] == nil)
  }

  @Test("extra tokens are those with the largest shares; the sum does not change by a bit")
  func extra() throws {
    let mixture = Mixture()
    let (plain, table) = (try mixture.run(nil), try mixture.run(ExtraTokens(fewest: 2)))
    #expect(mixture.tokens.map { table[$0]!.shape[0] } == [2, 2, 2])
    // Of equal shares the first: token 0 for expert 1, whose own is token 1; token 1 for expert 2, whose own is token 3.
    let route = { ExpertTokens(mixture.graph.expertRoutes()[mixture.tokens[$0]]!, in: table) }
    #expect(route(1).tokens == [0, 1] && route(1).isOwn == [false, true])
    #expect(route(2).tokens == [1, 3] && route(2).ownCount == 1 && route(2).own.tokens == [3])
    #expect(table[mixture.sum]!.array(of: Float.self) == plain[mixture.sum]!.array(of: Float.self))
    // More than there are: all.
    #expect(
      try mixture.run(ExtraTokens(fewest: 9))[mixture.tokens[1]]!.array(of: Float.self) == [1, 2, 3, 4, 5, 6, 7, 8])
  }

  @Test("the tokens of another network's expert are added, and its rows found again")
  func otherNetwork() throws {
    let mixture = Mixture()
    var choices = [Bool](repeating: false, count: 12)
    for place in [1, 3, 6, 11] { choices[place] = true }  // tokens 0 to 3 choose the experts 1, 0, 0, 2
    let other = Tensor(choices, shape: [4, 3])
    let table = try mixture.run(ExtraTokens(choices: [mixture.chosen: other]))
    #expect(table[mixture.sum]!.array(of: Float.self) == (try mixture.run(nil))[mixture.sum]!.array(of: Float.self))
    let route = mixture.graph.expertRoutes()[mixture.tokens[0]]!
    let union = ExpertTokens(route, in: table)
    #expect(union.tokens == [0, 1, 2])
    var theirs = union
    (theirs.tokens, theirs.isOwn) = ([1, 2], [true, false])
    let rows = union.rows(of: table[mixture.tokens[0]]!, for: theirs, extraFactor: 0.5)
    #expect(rows.array(of: Float.self) == [3, 4, 2.5, 3])
  }

  @Test("an order that ends before the sum keeps the choices; one with the sum drops them")
  func liveness() throws {
    let mixture = Mixture()
    let all = Array(mixture.graph.nodes.indices)
    func dropped(_ order: [Int]) -> Set<ValueID> {
      let liveness = Liveness(graph: mixture.graph, order: order, keep: [])
      return Set(order.flatMap { liveness.dying(at: $0) })
    }
    #expect(dropped(all).isSuperset(of: [mixture.weights, mixture.chosen]))
    #expect(dropped(all.dropLast()).isDisjoint(with: [mixture.weights, mixture.chosen]))
  }
}
