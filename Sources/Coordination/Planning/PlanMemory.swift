/// Bytes of a rank by what holds them; parts that are not there at the same time are told apart in `perRank`.
struct PlanMemory {
  /// The program and its libraries (50 MB), and what allocators keep of what was freed (measured, see Benchmarks/plan).
  var program = 88 << 20
  /// The model's tensors, mapped or read.
  var model = 0
  /// Whether ranks of a node share the model's pages.
  var isModelShared = false
  /// Codes, scales and new weights of all layers, which every rank has.
  var weights = 0
  /// Activations of the rank's chunks, of both networks where drift is corrected.
  var activations = 0
  /// While chunks are forwarded: values inside of operators.
  var forward = 0
  /// While sums are formed and added up.
  var hessian = 0
  /// While the rank with the most to factor factors.
  var factor = 0
  /// Factors and corrections that wait for the solve; of ranks of one node one copy.
  var factors = 0
  /// Whether `factors` are shared.
  var areFactorsShared = false
  /// While rows are solved and gathered.
  var solve = 0

  /// The largest of the parts that stages have one after the other.
  mutating func formMaximum(_ other: PlanMemory) {
    activations = max(activations, other.activations)
    (forward, hessian, factor) = (max(forward, other.forward), max(hessian, other.hessian), max(factor, other.factor))
    (factors, solve) = (max(factors, other.factors), max(solve, other.solve))
    areFactorsShared = areFactorsShared || other.areFactorsShared
  }

  private var busiest: Int { max(forward, hessian, max(factor, solve) + factors) }

  /// Bytes of the rank with most, those that it shares included: what `VmHWM` counts.
  var perRank: Int { program + model + weights + activations + busiest }

  /// Bytes of a node with so many ranks; not all of them factor the largest Hessian, but they may.
  func perNode(ranks: Int) -> Int {
    let shared = (isModelShared ? model : 0) + (areFactorsShared ? factors : 0)
    let owner = max(forward, hessian, factor)
    let own = program + (isModelShared ? 0 : model) + weights + activations
    let others = max(forward, hessian, solve) + (areFactorsShared ? 0 : factors)
    return shared + ranks * own + max(owner, others) + (ranks - 1) * others
  }

  /// For people and reports.
  var parts: [String: Int] {
    [
      "program": program, "model": model, "weights": weights, "activations": activations, "forward": forward,
      "hessian": hessian, "factor": factor, "factors": factors, "solve": solve,
    ]
  }
}
