import Foundation

/// An end of a run at a given stage, for tests: `RANKWISE_REHEARSE=kill@5` ends the last rank by SIGKILL when stage 5 is finished
/// (counted from 1), `stop@5` sends it SIGUSR1, `fail@5` lets no factor of its first input group be found. Stages are then committed
/// one by one.
struct JournalRehearsal: Sendable {
  /// The signal; nil if a factorization fails.
  var signal: Int32?
  /// The stage behind which it is sent, or of which a factorization fails.
  var stage: Int

  private static let variable = "RANKWISE_REHEARSE"

  /// What the environment asks for; nil if it does not. Throws if it has another form.
  static func ofEnvironment() throws(CoordinationError) -> JournalRehearsal? {
    guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    let kinds = ["kill": SIGKILL, "stop": SIGUSR1, "fail": nil]
    guard parts.count == 2, let signal = kinds[String(parts[0])], let stage = Int(parts[1]) else {
      throw .environment(variable: variable, value: text, wanted: "kill, stop or fail, @ and the number of a stage")
    }
    return JournalRehearsal(signal: signal, stage: stage)
  }
}
