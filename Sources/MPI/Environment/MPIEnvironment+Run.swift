internal import CMPI
import Glibc

extension MPIEnvironment {
  /// Runs the main part of a program on every rank, between the initialization and the end of MPI.
  ///
  /// Returns the result of `main` when all ranks have returned. An error that leaves `main` ends the process with
  /// `failureStatus` and is printed once, as `rankwise: rank 2 on node1: description`:
  /// - a `CollectiveFailure` of all ranks by the rank that failed, and then MPI ends in good order;
  /// - any other error by its rank, which aborts the job, since the other ranks may be waiting for it.
  ///
  /// So `mpirun` never hangs because of an error. Corresponds to `MPI_Init_thread`, and to `MPI_Finalize` or `MPI_Abort`.
  public static func run<Result: ~Copyable>(
    requiring required: ThreadLevel = .serialized, failureStatus: Int32 = 1,
    _ main: (borrowing Communicator) throws -> Result
  ) -> Result {
    precondition(failureStatus != 0, "a failed program has an exit status that is not zero")
    let environment: MPIEnvironment
    do {
      environment = try MPIEnvironment(requiring: required)
    } catch {
      report("\(error)")
      exit(failureStatus)
    }
    let result: Result
    do {
      result = try main(environment.world)
    } catch {
      environment.leave()
      if let failure = error as? CollectiveFailure { end(failure, failureStatus) }
      abort(reason: "\(error)", status: failureStatus)
    }
    do {
      try environment.finalize()
    } catch {
      abort(reason: "\(error)", status: failureStatus)
    }
    return result
  }

  /// Ends a rank that has learned of a failure together with others.
  private static func end(_ failure: CollectiveFailure, _ status: Int32) -> Never {
    if failure.rank == worldRank { report(failure.description) }
    if failure.isKnownEverywhere {
      // Before the others can end: mpirun ends those that are left once one has, and what they have not written is lost.
      fflush(nil)
      // All ranks come here, unless one has caught the failure and goes on; then it must not be waited for.
      if isEveryoneHere(within: .seconds(10)), MPI_Finalize() == MPI_SUCCESS {
        fflush(nil)
        exit(status)
      }
    } else if failure.rank != worldRank {
      // The rank that failed prints and aborts; an earlier abort from here could end it before it has printed.
      sleep(5)
    }
    abort(status: status)
  }

  /// Whether all ranks reach this line in time.
  private static func isEveryoneHere(within patience: Duration) -> Bool {
    var request = unsafe cmpi_request_null()
    guard unsafe cmpi_barrier(cmpi_comm_world(), &request) == MPI_SUCCESS else { return false }
    let (naps, end) = (Naps(), ContinuousClock.now + patience)
    while ContinuousClock.now < end {
      var done: Int32 = 0
      var status = CMPIStatus()
      guard unsafe cmpi_test(&request, &done, ElementKind.uint8.raw, &status) == MPI_SUCCESS else { return false }
      if done != 0 { return true }
      naps.next()
    }
    return false
  }
}
