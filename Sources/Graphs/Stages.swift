/// Layers that read the same columns and so share one set of Hessians, orders and inverse Hessians.
public struct InputGroup: Sendable {
  /// The value that the layers read.
  public var input: ValueID
  /// How its columns are cut out; nil for matrix products.
  public var unfolding: Unfolding?
  /// Columns of one Hessian.
  public var columns: Int
  /// Indices into the list of layers that the stages were made from, in execution order.
  public var layers: [Int]
  /// The tokens that the input has rows for, if they are those of an expert; nil for all.
  public var route: ExpertRoute?

  /// Makes a group; `columns` counts those of one Hessian.
  public init(input: ValueID, unfolding: Unfolding?, columns: Int, layers: [Int]) {
    (self.input, self.unfolding, self.columns, self.layers) = (input, unfolding, columns, layers)
  }

  /// Number of Hessians: 1, or the groups of a grouped convolution.
  public var groups: Int { unfolding?.groups ?? 1 }
}

/// Input groups whose inputs do not depend on each other's layers.
public struct Stage: Sendable {
  /// The input groups, in execution order of their first layers.
  public var inputGroups: [InputGroup]
  /// The nodes that must run, in this order, after the nodes of all stages before, so that every input of this
  /// stage's groups is known. The layers of the stage before are among them.
  public var nodes: [Int]

  /// Makes a stage.
  public init(inputGroups: [InputGroup], nodes: [Int]) { (self.inputGroups, self.nodes) = (inputGroups, nodes) }
}

extension Graph {
  /// Cuts the graph into stages for the given layers.
  ///
  /// The depth of a node is the largest number of layers on a path to it. A stage is made of the layers of one
  /// depth; a layer never waits for another one of its own stage. `remaining` are the nodes that no stage needs:
  /// together with the stages' nodes they are all nodes, each once, in an order in which they can run.
  /// Complexity: O(nodes + edges).
  public func stages(of layers: [Layer]) -> (stages: [Stage], remaining: [Int]) {
    let routes = expertRoutes()
    let layerOfNode = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1.node, $0) })
    var depthOfValue: [ValueID: Int] = [:]
    var layersAtDepth: [[Int]] = []
    var nodesAtDepth: [[Int]] = []
    for (index, node) in nodes.enumerated() {
      var depth = 0
      for case let input? in node.inputs { depth = max(depth, depthOfValue[input] ?? 0) }
      if let layer = layerOfNode[index] {
        while layersAtDepth.count <= depth { layersAtDepth.append([]) }
        layersAtDepth[depth].append(layer)
        depth += 1  // the layer itself runs when its weights are known: with the nodes of the next depth
      }
      while nodesAtDepth.count <= depth { nodesAtDepth.append([]) }
      nodesAtDepth[depth].append(index)
      for case let output? in node.outputs { depthOfValue[output] = depth }
    }
    let stages = layersAtDepth.enumerated().map { depth, members in
      Stage(
        inputGroups: inputGroups(of: members, layers, routes),
        nodes: depth < nodesAtDepth.count ? nodesAtDepth[depth] : [])
    }
    return (stages, Array(nodesAtDepth.dropFirst(stages.count).joined()))
  }

  private func inputGroups(
    of members: [Int], _ layers: [Layer], _ routes: [ValueID: ExpertRoute]
  ) -> [InputGroup] {
    struct Key: Hashable {
      var input: ValueID
      var unfolding: Unfolding?
      var columns: Int
    }
    var indexOfKey: [Key: Int] = [:]
    var groups: [InputGroup] = []
    for member in members {
      let layer = layers[member]
      let key = Key(input: layer.input, unfolding: layer.unfolding, columns: layer.columns)
      if let index = indexOfKey[key] {
        groups[index].layers.append(member)
      } else {
        indexOfKey[key] = groups.count
        groups.append(
          InputGroup(input: layer.input, unfolding: layer.unfolding, columns: layer.columns, layers: [member]))
        groups[groups.count - 1].route = routes[layer.input]
      }
    }
    return groups
  }
}
