/// Bytes of a rank by what holds them; parts that are not there at the same time are told apart in `perRank`.
struct RankMemory: Sendable {
  /// The program and its libraries, and what allocators keep of what was freed (measured, see Benchmarks/memory).
  var program = 0
  /// The model's tensors; of a mapped model those that are no layers' weights, whose pages come and go with their stage.
  var model = 0
  /// Whether ranks of a node share the model's pages.
  var isModelShared = false
  /// Activations of the rank's chunks that wait in memory: of both networks where drift is corrected, and of those held out.
  var activations = 0
  /// While chunks are forwarded: values inside of operators, chunks that came from the scratch file, and the weights, old and
  /// new, of the layers that run.
  var forward = 0
  /// While sums are formed and added up.
  var hessian = 0
  /// While the rank with the most to factor factors.
  var factor = 0
  /// Factors and corrections that wait for the solve; of ranks of one node one copy.
  var factors = 0
  /// Whether `factors` are shared.
  var areFactorsShared = false
  /// While rows are solved and gathered: with the old and new weights of the stage, which every rank has.
  var solve = 0

  /// The largest of the parts that stages have one after the other.
  mutating func formMaximum(_ other: RankMemory) {
    (model, activations) = (max(model, other.model), max(activations, other.activations))
    (forward, hessian, factor) = (max(forward, other.forward), max(hessian, other.hessian), max(factor, other.factor))
    (factors, solve) = (max(factors, other.factors), max(solve, other.solve))
    areFactorsShared = areFactorsShared || other.areFactorsShared
  }

  private var busiest: Int { max(forward, hessian, max(factor, solve) + factors) }

  /// Bytes of the rank with most, those that it shares included: what `VmHWM` counts.
  var perRank: Int { program + model + activations + busiest }

  /// Bytes of a node with so many ranks; not all of them factor the largest Hessian, but they may.
  func perNode(ranks: Int) -> Int {
    let shared = (isModelShared ? model : 0) + (areFactorsShared ? factors : 0)
    let owner = max(forward, hessian, factor)
    let own = program + (isModelShared ? 0 : model) + activations
    let others = max(forward, hessian, solve) + (areFactorsShared ? 0 : factors)
    return shared + ranks * own + max(owner, others) + (ranks - 1) * others
  }

  /// What takes most beside what lasts, for people.
  var largest: String {
    let phases = [
      (forward, "forwarding chunks of samples"),
      (hessian, "the sums of a Hessian, its cross sums and a chunk's share of them"),
      (factor + factors, "factoring a Hessian: integer sums, float64 moments and factor"),
      (solve + factors, "solving and gathering rows"),
    ]
    return phases.max { $0.0 < $1.0 }!.1
  }

  /// For people and reports.
  var parts: [String: Int] {
    [
      "program": program, "model": model, "activations": activations, "forward": forward,
      "hessian": hessian, "factor": factor, "factors": factors, "solve": solve,
    ]
  }
}
