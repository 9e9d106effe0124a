import Foundation
import TestSupport
import Testing

/// Each test starts the executable MPIScenarios under mpirun. The ranks check every element themselves: a scenario ends with
/// status 0 and a line such as `broadcast passed` only if all ranks found what they expected.
@Suite("MPI", .serialized)
struct MPITests {
  /// Each fails if one rank contributes a wrong element.
  static let data = [
    "broadcast", "reduce", "gather", "allGather", "scatter", "pointToPoint", "immediate", "owning",
    "pipelined", "station", "nodeWindow",
  ]
  static let groups = [
    "communicators", "environment", "receiveErrors", "collectivelySucceeds", "collectivelyNested", "collectivelyCaught",
    "pipelinedError", "nodeLayout",
  ]

  func run(_ scenario: String, _ arguments: String..., ranks: Int) throws -> Launch {
    let launch = try mpirun(
      ranks: ranks, executable: builtExecutable(named: "MPIScenarios"), arguments: [scenario] + arguments)
    #expect(!launch.timedOut, "\(scenario) on \(ranks) ranks hangs: \(launch.errors)")
    return launch
  }

  /// The lines that the program itself wrote to standard error; mpirun writes there too.
  func messages(_ launch: Launch) -> [Substring] {
    launch.errors.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("MPIScenarios: ") }
  }

  @Test("every rank gets the elements that it must get", arguments: [1, 2, 3, 4])
  func passes(ranks: Int) throws {
    let scenarios = Self.data + Self.groups
    let launch = try run(scenarios.joined(separator: ","), ranks: ranks)
    #expect(launch.status == 0, "\(launch.errors)")
    let lines = launch.output.split(whereSeparator: \.isNewline).map(String.init)
    #expect(lines.filter { $0.hasSuffix(" passed") } == scenarios.map { "\($0) passed" })
    #expect(lines.contains("size \(ranks)"))
    #expect(lines.last == "finalized")
  }

  @Test("more ranks than cores get what they must get")
  func oversubscribed() throws {
    let scenarios = ["pipelined", "station", "nodeLayout", "nodeWindow"]
    let launch = try run(scenarios.joined(separator: ","), ranks: 8)
    #expect(launch.status == 0, "\(launch.errors)")
    for scenario in scenarios { #expect(launch.output.contains("\(scenario) passed")) }
  }

  @Test("a failure while ranks share memory ends the job in good order")
  func windowFails() throws {
    let launch = try run("windowFails", ranks: 3)
    #expect(launch.status == 7)
    let messages = messages(launch)
    #expect(messages.count == 1, "\(messages)")
    #expect(messages.first?.hasSuffix("the file of rank 2 is broken") == true, "\(messages)")
    #expect(launch.duration < .seconds(20))
  }

  @Test("memory of a window is not freed while it is in use")
  func windowInUse() throws {
    let launch = try run("windowInUse", ranks: 2)
    #expect(launch.status != 0)
    #expect(launch.errors.contains("freed while it is in use"), "\(launch.errors)")
    #expect(!launch.output.contains("1000"))
  }

  @Test("one wrong element from one rank is noticed", arguments: data)
  func corruption(_ scenario: String) throws {
    let launch = try run(scenario, "corrupt", ranks: 3)
    #expect(launch.status == 7)
    #expect(!messages(launch).isEmpty)
    #expect(!launch.output.contains("passed"))
  }

  @Test("without mpirun the world has one rank")
  func singleton() throws {
    let launch = try launch(
      try builtExecutable(named: "MPIScenarios"), ["environment"], environment: ProcessInfo.processInfo.environment)
    #expect(launch.status == 0, "\(launch.errors)")
    #expect(launch.output.contains("size 1"))
    #expect(launch.output.contains("passed"))
  }

  @Test("a polite wait leaves the core to others")
  func politeness() throws {
    let launch = try run("politeness", ranks: 2)
    #expect(launch.status == 0, "\(launch.errors)")
  }

  @Test("a failure in collectively reaches every rank, is printed once and ends the job", arguments: [1, 2, 3, 4])
  func collectivelyFails(ranks: Int) throws {
    let launch = try run("collectivelyFails", ranks: ranks)
    let failed = ranks == 1 ? 0 : 1
    #expect(launch.status == 7)
    let messages = messages(launch)
    #expect(messages.count == 1, "\(messages)")
    #expect(messages.first?.hasPrefix("MPIScenarios: rank \(failed) on ") == true, "\(messages)")
    #expect(messages.first?.hasSuffix(": the file of rank \(failed) is broken") == true, "\(messages)")
    for rank in 0..<ranks {
      let own = rank == 0 && ranks > 1 ? "-" : "the file of rank \(rank) is broken"
      let line = "rank \(rank) learned of rank \(failed): the file of rank \(failed) is broken, own error: \(own)"
      #expect(launch.output.contains(line), "\(launch.output)")
    }
    #expect(launch.duration < .seconds(20))
  }

  @Test("an error that leaves main on one rank ends the job", arguments: [1, 2, 3, 4])
  func throwOnOneRank(ranks: Int) throws {
    let launch = try run("throwOnOneRank", ranks: ranks)
    #expect(launch.status == 7)
    let messages = messages(launch)
    #expect(messages.count == 1, "\(messages)")
    #expect(messages.first?.hasPrefix("MPIScenarios: rank \(ranks - 1) on ") == true, "\(messages)")
    #expect(launch.duration < .seconds(20))
  }

  @Test("a failure that only some ranks know of ends the job", arguments: [2, 4])
  func subgroupFails(ranks: Int) throws {
    let launch = try run("subgroupFails", ranks: ranks)
    #expect(launch.status == 7)
    let messages = messages(launch)
    #expect(messages.count == 1, "\(messages)")
    #expect(messages.first?.hasSuffix("the file of rank \(ranks - 2) is broken") == true, "\(messages)")
    #expect(launch.duration < .seconds(20))
  }

  @Test("an error that passes a receive in flight ends the job, and is the one that is reported")
  func throwWhileReceiving() throws {
    let launch = try run("throwWhileReceiving", ranks: 2)
    #expect(launch.status == 7)
    #expect(messages(launch).first?.hasSuffix("the file of rank 1 is broken") == true, "\(launch.errors)")
    #expect(launch.duration < .seconds(20))
  }

  @Test("an error that passes a broadcast in flight ends the job")
  func throwWhileBroadcasting() throws {
    let launch = try run("throwWhileBroadcasting", ranks: 2)
    #expect(launch.status != 0)
    #expect(messages(launch).first?.contains("MPI_Ibcast was given up in flight") == true, "\(launch.errors)")
    #expect(launch.duration < .seconds(20))
  }

  @Test("a launched program that hangs is killed")
  func timeout() throws {
    let launch = try launch(
      try program(named: "sleep"), ["60"], environment: [:], timeout: .milliseconds(200))
    #expect(launch.timedOut)
    #expect(launch.status == 128 + SIGTERM)
  }
}
