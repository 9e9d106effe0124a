/// A constant parameter of an operator.
public enum Attribute: Sendable {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensor(Tensor)
}
