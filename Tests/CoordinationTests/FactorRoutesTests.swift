import Testing

@testable import Coordination

@Suite("Routes of factors")
struct FactorRoutesTests {
  /// Three nodes of two ranks.
  private static let nodes = [[0, 1], [2, 3], [4, 5]]

  @Test("a factor goes from its owner once to each other node that holds rows")
  func oncePerNode() {
    let routes = FactorRoutes(places: Self.nodes, owners: [3, 0], holders: [[0, 1, 2, 4, 5], [4]])
    #expect(routes.routes[0].ranks == [3, 4, 0])
    #expect(routes.routes[0].places == [0, 1, 2])
    // The owner's node keeps the copy that is sent, though it solves no rows.
    #expect(routes.routes[1].ranks == [0, 4])
    #expect(routes.routes[1].places == [0, 2])
  }

  @Test("a factor that only its owner needs is not copied")
  func ownUse() {
    let routes = FactorRoutes(places: Self.nodes, owners: [2, 2], holders: [[2], [2, 3]])
    #expect(routes.routes[0].staysAtOwner)
    #expect(!routes.routes[1].staysAtOwner)
    #expect(routes.routes[1].ranks == [2])
    let contents = routes.contents(ofPlace: 1, byteCounts: [64, 128])
    #expect(contents.offsets == [1: 0])
    #expect(contents.byteCount == 128)
    #expect(routes.contents(ofPlace: 0, byteCounts: [64, 128]).byteCount == 0)
  }

  @Test("copies lie one behind the other")
  func offsets() {
    let routes = FactorRoutes(places: Self.nodes, owners: [0, 1, 4], holders: [[2], [0, 5], [0, 1]])
    let contents = routes.contents(ofPlace: 0, byteCounts: [64, 128, 192])
    #expect(contents.offsets == [0: 0, 1: 64, 2: 192])
    #expect(contents.byteCount == 384)
    #expect(routes.contents(ofPlace: 1, byteCounts: [64, 128, 192]).offsets == [0: 0])
  }

  @Test("without shared memory every rank that holds rows is on the way, neighbours next to each other")
  func singleRanks() {
    let routes = FactorRoutes(places: (0..<6).map { [$0] }, owners: [2], holders: [[0, 1, 4, 5]])
    #expect(routes.routes[0].ranks == [2, 4, 5, 0, 1])
  }
}
