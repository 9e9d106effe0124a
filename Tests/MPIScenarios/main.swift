import Glibc
import MPI

// One process per rank runs the scenarios named by the first argument; MPITests starts it under mpirun.
// A second argument `corrupt` makes each rank contribute one wrong element, which the scenario must notice.

let scenarios: [String: (borrowing Communicator, Data) throws -> Void] = [
  "broadcast": broadcastScenario,
  "reduce": reduceScenario,
  "gather": gatherScenario,
  "allGather": allGatherScenario,
  "scatter": scatterScenario,
  "pointToPoint": pointToPointScenario,
  "immediate": immediateScenario,
  "owning": owningScenario,
  "communicators": communicatorScenario,
  "environment": environmentScenario,
  "politeness": politenessScenario,
  "receiveErrors": receiveErrorScenario,
  "collectivelySucceeds": collectivelySucceedsScenario,
  "collectivelyFails": collectivelyFailsScenario,
  "collectivelyNested": collectivelyNestedScenario,
  "collectivelyCaught": collectivelyCaughtScenario,
  "subgroupFails": subgroupFailsScenario,
  "pipelined": pipelinedScenario,
  "station": stationScenario,
  "pipelinedError": pipelinedErrorScenario,
  "nodeLayout": nodeLayoutScenario,
  "nodeWindow": nodeWindowScenario,
  "windowFails": windowFailsScenario,
  "windowInUse": windowInUseScenario,
  "throwOnOneRank": throwOnOneRankScenario,
  "throwWhileReceiving": throwWhileReceivingScenario,
  "throwWhileBroadcasting": throwWhileBroadcastingScenario,
]

let names = CommandLine.arguments.dropFirst().first?.split(separator: ",").map(String.init) ?? []
guard !names.isEmpty, names.allSatisfy({ scenarios[$0] != nil }) else {
  print("usage: MPIScenarios NAME[,NAME...] [corrupt], with NAME of \(scenarios.keys.sorted())")
  exit(64)
}
let data = Data(isCorrupt: CommandLine.arguments.dropFirst(2).contains("corrupt"))

let rank = MPIEnvironment.run(failureStatus: 7) { world in
  for name in names {
    try scenarios[name]!(world, data)
    // Nobody says that a scenario has passed before all ranks have passed it.
    try world.barrier()
    if world.rank == 0 { print("\(name) passed") }
  }
  return world.rank
}
if rank == 0 { print("finalized") }
