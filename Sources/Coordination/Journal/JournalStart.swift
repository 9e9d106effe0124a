/// What a run does where an interrupted one left a journal.
public enum JournalStart: String, Sendable, CaseIterable, Codable {
  /// It refuses, so that hours of work are not lost by accident.
  case fresh
  /// It goes on behind the last stage in it, and starts from the beginning where there is none.
  case resume
  /// It removes it and starts from the beginning.
  case restart
}
