import Foundation

/// A tensor's sizes, -1 where any size will do, and its type: "int32" or "float32".
public struct TensorSpec {
    public let shape: [Int]
    public let dtype: String

    init(_ json: Json) throws {
        shape = json["shape"].ints
        dtype = try json.required(json["dtype"].text, "dtype of a tensor")
    }
}

/// The tensors of one signature, by name.
public struct SignatureSpec {
    public let inputs: [String: TensorSpec]
    public let outputs: [String: TensorSpec]

    init(_ json: Json) throws {
        inputs = try named(json["inputs"], TensorSpec.init)
        outputs = try named(json["outputs"], TensorSpec.init)
    }
}

/// What signature.json says of a model: its signatures, its labels, and how texts become ids.
public struct ModelInfo {
    public let signatures: [String: SignatureSpec]
    public let task: String
    public let problem: String?
    public let labels: [String]
    public let settings: Json
    public let pair: Bool
    public let padId: Int
    /// The longest input in ids, those of special tokens included; longer texts are cut.
    public let maxLength: Int
    /// How texts are written, for a file that does; else null.
    public let generation: Json
    let template: Json
    /// The ids of [E1], [/E1], [E2] and [/E2], for a task that has them; else none.
    let markers: [Int]

    public init(_ data: Data) throws {
        let json = try Json.parse(data)
        signatures = try named(json["signatures"], SignatureSpec.init)
        task = try json.required(json["task"].text, "task")
        problem = json["problem"].text
        labels = (json["labels"].list ?? []).compactMap { $0.text }
        settings = json["settings"]
        pair = json["pair"].flag ?? false
        padId = json["pad_token_id"].int ?? 0
        maxLength = min(try json.required(json["max_length"].int, "max_length"), json["lengths"].ints.max() ?? Int.max)
        generation = json["generation"]
        template = json["preprocessing"]["template"]
        let ofMarkers = json["decoding"]["markers"]
        markers = ["[E1]", "[/E1]", "[E2]", "[/E2]"].compactMap { ofMarkers[$0].int }
    }
}

private func named<T>(_ json: Json, _ make: (Json) throws -> T) throws -> [String: T] {
    var found: [String: T] = [:]
    for (name, value) in json.entries { found[asString(name)] = try make(value) }
    return found
}
