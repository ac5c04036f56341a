import Foundation

/// How one kind of tokenizer turns texts without added tokens into ids, and ids into texts.
protocol TokenModel {
    func normalize(_ text: Scalars) -> Scalars
    func ids(_ text: Scalars) -> [Int]
    func decode(_ ids: [Int], added: [Int: Scalars]) -> String
}

/// Texts to ids of a vocabulary and back, out of a `tokenizer.json`: WordPiece (BERT) or byte-level BPE (GPT-2, RoBERTa).
public final class Tokenizer {
    private let model: TokenModel
    private let raw: AddedTokens
    private let normalized: AddedTokens
    private let added: [Int: Scalars]
    private let special: Set<Int>

    public init(_ data: Data) throws {
        let json = try Json.parse(data)
        switch json["model"]["type"].text {
        case "WordPiece": model = try WordPieceModel(json)
        case "BPE": model = try ByteLevelBpeModel(json)
        case let kind: throw BundleError("a tokenizer of type \(kind ?? "none") is not supported: WordPiece or BPE was expected")
        }
        let tokens = try (json["added_tokens"].list ?? []).map(AddedToken.init)
        let model = self.model
        raw = AddedTokens(tokens.filter { !$0.normalized })
        normalized = AddedTokens(
            tokens.filter { $0.normalized }.map { token in
                var changed = token
                changed.content = model.normalize(token.content)
                return changed
            })
        added = Dictionary(tokens.map { ($0.id, $0.content) }, uniquingKeysWith: { first, _ in first })
        special = Set(tokens.filter { $0.special }.map { $0.id })
    }

    /// The ids of a text, without those around it. Strings such as "[SEP]" in it become these tokens, as they do in training.
    public func ids(_ text: Scalars) -> [Int] {
        var found: [Int] = []
        for part in raw.split(text) {
            if let id = part.id {
                found.append(id)
                continue
            }
            for piece in normalized.split(model.normalize(part.text)) {
                if let id = piece.id { found.append(id) } else { found += model.ids(piece.text) }
            }
        }
        return found
    }

    /// The text of ids, without special tokens.
    public func decode(_ ids: [Int]) -> String {
        model.decode(ids.filter { !special.contains($0) }, added: added)
    }
}
