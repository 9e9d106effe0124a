/// The product of `dimensions` and `unit`, or nil if a factor is negative or the product does not fit an `Int`.
///
/// A dimension of 0 makes the product 0 only if the other factors are valid and do not overflow by themselves.
func checkedProduct(_ dimensions: [Int], unit: Int = 1) -> Int? {
  var product = unit
  var isEmpty = false
  for dimension in dimensions {
    guard dimension >= 0 else { return nil }
    if dimension == 0 {
      isEmpty = true
      continue
    }
    let (value, overflow) = product.multipliedReportingOverflow(by: dimension)
    guard !overflow else { return nil }
    product = value
  }
  return isEmpty ? 0 : product
}
