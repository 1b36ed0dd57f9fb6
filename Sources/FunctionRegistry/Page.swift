import Foundation

/// A part of a list, and where the next part begins.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    /// What to ask for the next page with; `nil` on the last page.
    public var nextCursor: String?

    public init(items: [Item], nextCursor: String?) {
        self.items = items
        self.nextCursor = nextCursor
    }

    /// Makes a page of at most `limit` items out of up to `limit + 1` fetched ones: the one too many
    /// says that there is another page.
    init(fetched: [Item], limit: Int, list: PageCursor.List, key: (Item) -> String) {
        items = Array(fetched.prefix(limit))
        nextCursor =
            fetched.count > limit
            ? items.last.map { PageCursor(list: list, key: key($0)).encoded } : nil
    }

    public func map<Other: Sendable>(_ transform: (Item) -> Other) -> Page<Other> {
        Page<Other>(items: items.map(transform), nextCursor: nextCursor)
    }
}

/// The sort key of the last item of a page (keyset pagination), as text that callers need not understand: a
/// letter for the list, a point and the key. A list's form is in the OpenAPI document, character by character.
struct PageCursor: Equatable {
    enum List: Character { case functions = "f", versions = "v", calls = "c", logs = "l" }

    var list: List
    var key: String

    init(list: List, key: String) {
        self.list = list
        self.key = key
    }

    /// - Throws: `RegistryError.invalidCursor` for what is no cursor of `list`. Whether the key is one is for the
    ///   list to say.
    init(_ encoded: String, list: List) throws {
        guard encoded.utf8.count <= Self.maximumBytes, encoded.hasPrefix("\(list.rawValue).") else {
            throw RegistryError.invalidCursor
        }
        self.init(list: list, key: String(encoded.dropFirst(2)))
    }

    private static let maximumBytes = 512

    var encoded: String { "\(list.rawValue).\(key)" }
}
