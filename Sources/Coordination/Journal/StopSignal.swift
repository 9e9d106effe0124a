import Foundation
import Synchronization

/// Whether this process was asked by SIGUSR1 to end after the running stage: batch systems send it before a job's time is
/// over (Slurm's `--signal`), and `mpirun` forwards it to all ranks.
public enum StopSignal {
  private static let hasArrived = Atomic<Bool>(false)

  /// Watches for the signal from now on, in place of ending at once. Corresponds to `sigaction`.
  public static func watch() {
    // Before a handler may need it.
    hasArrived.store(false, ordering: .relaxed)
    signal(SIGUSR1) { _ in StopSignal.hasArrived.store(true, ordering: .relaxed) }
  }

  /// Whether it has arrived.
  static var isSet: Bool { hasArrived.load(ordering: .relaxed) }
}
