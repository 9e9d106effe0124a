import Testing

@testable import Coordination

@Suite("What a node's ranks factor together") struct FactorSharingTests {
  private func job(_ columns: Int, owner: Int, hessians: Int = 1) -> FactorSharing.Job {
    FactorSharing.Job(columns: columns, hessians: hessians, owner: owner)
  }

  @Test("a large Hessian is factored by all ranks, unless there is one for each")
  func large() {
    #expect(FactorSharing.together([job(4096, owner: 1)], threads: [1, 1]) == [0])
    #expect(FactorSharing.together([job(4096, owner: 0), job(4096, owner: 1)], threads: [1, 1]) == [])
    #expect(FactorSharing.together([job(4096, owner: 0), job(11008, owner: 1)], threads: [1, 1]) == [0, 1])
    #expect(FactorSharing.together((0..<64).map { job(4096, owner: $0 / 16) }, threads: [4, 4, 4, 4]) == [])
  }

  @Test("small Hessians, and those of a rank that is alone, stay where they are")
  func small() {
    #expect(FactorSharing.together([job(256, owner: 0)], threads: [1, 1, 1, 1]) == [])
    #expect(FactorSharing.together([job(8192, owner: 0)], threads: [8]) == [])
  }

  @Test("a team begins with the owner and has as many ranks as the columns keep busy")
  func team() {
    #expect(FactorSharing.team(8192, owner: 2, threads: [1, 1, 1]) == [2, 0, 1])
    #expect(FactorSharing.team(768, owner: 3, threads: [1, 2, 1, 2, 1]) == [3, 4, 0])
    #expect(FactorSharing.team(768, owner: 0, threads: [16, 16]) == [0])
  }
}
