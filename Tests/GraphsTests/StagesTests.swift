import Testing

@testable import Graphs

/// A graph of convolutions with 1 x 1 kernels and additions, by names: "c: conv a" or "d: add b c".
private func graph(_ lines: [String], input: String = "x") -> Graph {
  var graph = Graph(name: "test", values: [Value(name: input)], inputs: [0], outputs: [], nodes: [], constants: [:])
  var ids = [input: 0]
  func value(_ name: String) -> ValueID {
    if let id = ids[name] { return id }
    graph.values.append(Value(name: name))
    ids[name] = graph.values.count - 1
    return graph.values.count - 1
  }
  for line in lines {
    let words = line.split(separator: " ").map { $0.filter { $0 != ":" } }
    var inputs: [ValueID?] = words.dropFirst(2).map { value($0) }
    if words[1] == "conv" {
      let weight = value("\(words[0]).weight")
      graph.constants[weight] = Tensor([Float](repeating: 1, count: 4), shape: [2, 2, 1, 1])
      inputs.append(weight)
    }
    graph.nodes.append(
      Node(
        name: words[0], kind: words[1] == "conv" ? .conv : .add, inputs: inputs, outputs: [value(words[0])]))
  }
  graph.outputs = [graph.values.count - 1]
  return graph
}

@Suite("Stages")
struct StagesTests {
  @Test("the two branches of a residual block share a stage and an input group")
  func residualBlock() {
    let graph = graph([
      "stem: conv x", "a: conv stem", "b: conv a", "short: conv stem", "sum: add b short", "head: conv sum",
    ])
    let layers = graph.layers().layers
    #expect(layers.map(\.name) == ["stem.weight", "a.weight", "b.weight", "short.weight", "head.weight"])
    let (stages, remaining) = graph.stages(of: layers)
    #expect(stages.map { $0.inputGroups.map(\.layers) } == [[[0]], [[1, 3]], [[2]], [[4]]])
    // The layers of a stage run with the next stage, after their weights are known.
    #expect(stages.map(\.nodes) == [[], [0], [1, 3], [2, 4]])
    #expect(remaining == [5])
  }

  @Test("layers that cut the same value differently have input groups of their own")
  func differentUnfoldings() {
    var graph = graph(["a: conv x", "b: conv x"])
    graph.nodes[1].attributes["strides"] = .ints([2, 2])
    let stages = graph.stages(of: graph.layers().layers).stages
    #expect(stages.map { $0.inputGroups.map(\.layers) } == [[[0], [1]]])
  }

  @Test("a weight that two nodes read is kept, with the reason")
  func sharedWeight() {
    var graph = graph(["a: conv x", "b: conv a"])
    graph.nodes[1].inputs[1] = graph.nodes[0].inputs[1]
    let (layers, kept) = graph.layers()
    #expect(layers.isEmpty)
    #expect(kept.map(\.name) == ["a.weight", "a.weight"])
    #expect(kept[0].reason == "2 nodes read this weight")
  }

  @Test("a column-major weight is read and written back in its own order")
  func columnMajor() {
    var graph = graph([])
    graph.values.append(Value(name: "w"))
    graph.values.append(Value(name: "y"))
    graph.constants[1] = Tensor([Float](arrayLiteral: 1, 2, 3, 4, 5, 6), shape: [3, 2])
    graph.nodes = [Node(name: "product", kind: .matMul, inputs: [0, 1], outputs: [2])]
    let layer = graph.layers().layers[0]
    #expect((layer.rows, layer.columns, layer.channelAxis) == (2, 3, 1))
    let matrix = layer.matrix(from: graph.constants[1]!)
    #expect(matrix == [1, 3, 5, 2, 4, 6])
    #expect(layer.tensorOrder(matrix) == [1, 2, 3, 4, 5, 6])
  }
}
