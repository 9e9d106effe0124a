import Graphs

extension OpsetUpgrade {
  /// The names of the operators that the graph knows.
  static var graphOperators: [String] { OperatorKind.allCases.filter(\.isStandard).map(\.rawValue) }
}

extension ONNXModel {
  /// The oldest version of the file format that may use an operator set.
  static func oldestIRVersion(forOpset opset: Int) -> Int64 {
    switch opset {
    case ..<11: 4
    case 11: 6
    case 12...14: 7
    case 15...18: 8
    case 19...20: 9
    case 21...22: 10
    case 23: 11
    case 24: 12
    default: 13
    }
  }

  /// Rewrites the nodes so that the model uses operator set `target` (13 to 21) with the same meaning; nothing
  /// happens if it is that new already.
  ///
  /// The file format's version is raised with it. Throws `cannotUpgrade` with the node that has no equivalent.
  public mutating func upgrade(toOpset target: Int) throws(ModelError) {
    precondition((13...21).contains(target), "operator set \(target) is not in 13 ... 21")
    let current = opset
    guard current < target else { return }
    var upgrade = OpsetUpgrade(graphProto, from: current, to: target, reader: reader)
    try upgrade.run()
    graphProto = upgrade.graph
    for index in proto.opsetImport.indices where Self.isStandard(domain: proto.opsetImport[index].domain) {
      proto.opsetImport[index].version = Int64(target)
    }
    allowInitializersThatAreNoInputs()
    proto.irVersion = max(proto.irVersion, Self.oldestIRVersion(forOpset: target))
  }
}
