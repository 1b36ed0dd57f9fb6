/// What an argument names: a call by its id, or a function by its name.
enum CallReference: Sendable, Equatable {
    /// A function's, perhaps with a region of Lambda's API in front.
    private static var name: Regex<Substring> {
        /(?:[a-z]{2,4}(?:-[a-z]{2,10}){1,2}-[0-9]\.)?[A-Za-z0-9_-]{1,64}/
    }

    case call(String)
    case function(String)

    /// Ids are 26 capitals and digits of Crockford's base32. A name that is the same is taken for an id.
    /// - Throws: `Failure` when the text is neither.
    init(_ text: String) throws(Failure) {
        if text.count == 26, text.allSatisfy({ "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains($0) }) {
            self = .call(text)
        } else if text.wholeMatch(of: Self.name) != nil {
            self = .function(text)
        } else {
            throw .usage(
                "\"\(text)\" is neither a call's id (26 capitals and digits) nor a function's "
                    + "name (letters, digits, - and _); fnctl calls and fnctl list "
                    + "show what there is")
        }
    }
}
