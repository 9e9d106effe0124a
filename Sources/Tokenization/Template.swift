/// What a post-processor puts around a text's tokens.
struct Template: Sendable, Equatable {
  var before: [Int32] = []
  var after: [Int32] = []

  /// Reads a post-processor of a tokenizer file. Throws for kinds that are not known.
  static func read(_ part: JSONPart) throws(TokenizationError) -> Template {
    let type = try part.required("type").string()
    switch type {
    case "ByteLevel": return Template()
    case "Sequence":
      var result = Template()
      for element in try part.required("processors").elements() {
        let inner = try read(element)
        result.before = inner.before + result.before
        result.after += inner.after
      }
      return result
    case "TemplateProcessing": return try template(part)
    case "BertProcessing", "RobertaProcessing":
      return Template(before: [try id(part.required("cls"))], after: [try id(part.required("sep"))])
    default: throw part.unsupported("the post-processor '\(type)'")
    }
  }

  /// The id of a pair of token and id.
  private static func id(_ part: JSONPart) throws(TokenizationError) -> Int32 {
    let elements = try part.elements()
    guard elements.count == 2 else { throw part.malformed("a token and its id are expected") }
    return try elements[1].id()
  }

  private static func template(_ part: JSONPart) throws(TokenizationError) -> Template {
    var result = Template()
    var isBehind = false
    let specials = try part.member("special_tokens")
    for element in try part.required("single").elements() {
      if try element.member("Sequence") != nil {
        guard !isBehind else { throw element.unsupported("a template with the text twice") }
        isBehind = true
        continue
      }
      let name = try element.required("SpecialToken").required("id")
      guard let special = try specials?.member(try name.string()) else {
        throw name.malformed("'\(try name.string())' is not among special_tokens")
      }
      for id in try special.required("ids").elements() {
        if isBehind { result.after.append(try id.id()) } else { result.before.append(try id.id()) }
      }
    }
    guard isBehind else { throw part.malformed("a template without the text") }
    return result
  }
}
