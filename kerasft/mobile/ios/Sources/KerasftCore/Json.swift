import Foundation

/// A text as code points. Swift's `String` takes "e" + U+0301 and "\u{e9}" for equal, and so would merge entries of a vocabulary.
public typealias Scalars = [Unicode.Scalar]

public struct BundleError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// A JSON value whose strings and keys are code points.
public enum Json {
    case null
    case bool(Bool)
    case number(Double)
    case string(Scalars)
    case array([Json])
    case object([Scalars: Json])

    public static func parse(_ data: Data) throws -> Json {
        var parser = JsonParser(bytes: [UInt8](data))
        return try parser.document()
    }

    /// The value of a key; null where there is none.
    public subscript(key: String) -> Json {
        if case .object(let entries) = self { return entries[Scalars(key.unicodeScalars)] ?? .null }
        return .null
    }

    public var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    public var flag: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    public var double: Double? {
        if case .number(let value) = self { return value }
        return nil
    }

    public var int: Int? {
        double.map { Int($0) }
    }

    public var scalars: Scalars? {
        if case .string(let value) = self { return value }
        return nil
    }

    public var text: String? {
        scalars.map { asString($0) }
    }

    public var list: [Json]? {
        if case .array(let values) = self { return values }
        return nil
    }

    public var entries: [Scalars: Json] {
        if case .object(let values) = self { return values }
        return [:]
    }

    public var ints: [Int] {
        (list ?? []).compactMap { $0.int }
    }

    /// All numbers in nested lists, in their order.
    public var numbers: [Double] {
        switch self {
        case .number(let value): return [value]
        case .array(let values): return values.flatMap { $0.numbers }
        default: return []
        }
    }

    func required<T>(_ value: T?, _ name: String) throws -> T {
        guard let value = value else { throw BundleError("\(name) was expected in the bundle's JSON") }
        return value
    }
}

public func asString(_ scalars: Scalars) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
}

private struct JsonParser {
    let bytes: [UInt8]
    var place = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws -> Json {
        let found = try value()
        skipSpace()
        guard place == bytes.count else { throw wrong() }
        return found
    }

    private mutating func value() throws -> Json {
        skipSpace()
        switch try current() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try quoted())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws -> Json {
        var entries: [Scalars: Json] = [:]
        place += 1
        skipSpace()
        if try current() == UInt8(ascii: "}") {
            place += 1
            return .object(entries)
        }
        while true {
            skipSpace()
            let key = try quoted()
            skipSpace()
            try expect(UInt8(ascii: ":"))
            entries[key] = try value()
            skipSpace()
            if try current() == UInt8(ascii: "}") { break }
            try expect(UInt8(ascii: ","))
        }
        place += 1
        return .object(entries)
    }

    private mutating func array() throws -> Json {
        var values: [Json] = []
        place += 1
        skipSpace()
        if try current() == UInt8(ascii: "]") {
            place += 1
            return .array(values)
        }
        while true {
            values.append(try value())
            skipSpace()
            if try current() == UInt8(ascii: "]") { break }
            try expect(UInt8(ascii: ","))
        }
        place += 1
        return .array(values)
    }

    private mutating func quoted() throws -> Scalars {
        try expect(UInt8(ascii: "\""))
        var utf16: [UInt16] = []
        var start = place
        while try current() != UInt8(ascii: "\"") {
            if bytes[place] != UInt8(ascii: "\\") {
                place += 1
                continue
            }
            utf16 += Array(String(decoding: bytes[start..<place], as: UTF8.self).utf16)
            place += 1
            utf16.append(try escaped())
            start = place
        }
        utf16 += Array(String(decoding: bytes[start..<place], as: UTF8.self).utf16)
        place += 1
        return Scalars(String(decoding: utf16, as: UTF16.self).unicodeScalars)
    }

    private mutating func escaped() throws -> UInt16 {
        let letter = try current()
        place += 1
        switch letter {
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "f"): return 12
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "u"):
            guard place + 4 <= bytes.count,
                let unit = UInt16(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
            else { throw wrong() }
            place += 4
            return unit
        default: return UInt16(letter)
        }
    }

    private mutating func number() throws -> Json {
        let start = place
        while place < bytes.count, "+-.eE0123456789".utf8.contains(bytes[place]) { place += 1 }
        guard let value = Double(String(decoding: bytes[start..<place], as: UTF8.self)) else { throw wrong() }
        return .number(value)
    }

    private mutating func word(_ text: String, _ value: Json) throws -> Json {
        for byte in text.utf8 { try expect(byte) }
        return value
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard try current() == byte else { throw wrong() }
        place += 1
    }

    private mutating func skipSpace() {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
    }

    private func current() throws -> UInt8 {
        guard place < bytes.count else { throw wrong() }
        return bytes[place]
    }

    private func wrong() -> BundleError {
        BundleError("no JSON at byte \(place) of \(bytes.count)")
    }
}
