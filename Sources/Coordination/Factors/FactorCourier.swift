import Foundation
import MPI
import Synchronization

/// Carries factors from node to node on a thread of its own, while the rank's other threads factor and solve.
///
/// It is the only one of its rank that talks to other ranks in the meantime.
final class FactorCourier: @unchecked Sendable {
  /// A delivery on its way through this rank.
  struct Transfer: Sendable {
    /// Its number.
    let number: Int
    /// Nanoseconds of the timer's clock.
    let start: Int64
    var end: Int64
  }

  private var station: PipelineStation?
  private let begun = Mutex<[Int]>([])
  private let done = DispatchSemaphore(value: 0)
  private var isRunning = false
  private var transfers: [Transfer] = []
  /// Refers to the memory of the wave; gone when the courier is back.
  private var report: (@Sendable (PipelineStation.Event) -> Void)?

  /// Makes what the courier talks through, the first time. Collective.
  func prepare(_ world: borrowing Communicator) throws(MPIError) {
    if station == nil { station = try PipelineStation(world) }
  }

  /// Sets out with the deliveries that this rank is on the route of; `report` hears of what comes to this rank.
  func start(
    _ deliveries: [PipelineStation.Delivery], _ clock: PhaseTimer.Clock,
    _ report: @escaping @Sendable (PipelineStation.Event) -> Void
  ) {
    guard !deliveries.isEmpty else { return }
    station!.open(deliveries)
    (isRunning, transfers, self.report) = (true, [], report)
    let thread = Thread { [self] in
      do { try carry(station!, clock) } catch {
        // Others wait for what this rank would have sent on.
        MPIEnvironment.abort(reason: "factors cannot be sent: \(error)", status: 1)
      }
      self.report = nil
      done.signal()
    }
    thread.stackSize = 1 << 20
    thread.name = "courier"
    thread.start()
  }

  /// Says that a delivery, whose root this rank is, can go. From any thread.
  func send(_ number: Int) { begun.withLock { $0.append(number) } }

  /// Waits until all is delivered, and tells what was.
  func finish() -> [Transfer] {
    guard isRunning else { return [] }
    done.wait()
    isRunning = false
    return transfers
  }

  private func carry(_ station: PipelineStation, _ clock: PhaseTimer.Clock) throws {
    var running: [Int: Transfer] = [:]
    var naps = Naps()
    while !station.isDone {
      let next = begun.withLock { begun in
        defer { begun = [] }
        return begun
      }
      for number in next { station.begin(number) }
      guard let events = try station.advance() else {
        naps.next()
        continue
      }
      naps = Naps()
      for event in events {
        switch event {
        case .began(let number): running[number] = Transfer(number: number, start: clock.now, end: 0)
        case .arrived: break
        case .ended(let number):
          var transfer = running.removeValue(forKey: number)!
          transfer.end = clock.now
          transfers.append(transfer)
        }
        report?(event)
      }
    }
  }
}
