/// A token that is looked for in a text as it is, such as "[MASK]"; the flags are those of tokenizer.json.
struct AddedToken {
    let id: Int
    var content: Scalars
    let singleWord: Bool
    let leftStrip: Bool
    let rightStrip: Bool
    let normalized: Bool
    let special: Bool

    init(_ json: Json) throws {
        id = try json.required(json["id"].int, "id of an added token")
        content = try json.required(json["content"].scalars, "content of an added token")
        singleWord = json["single_word"].flag ?? false
        leftStrip = json["lstrip"].flag ?? false
        rightStrip = json["rstrip"].flag ?? false
        normalized = json["normalized"].flag ?? false
        special = json["special"].flag ?? false
    }
}

/// A part of a text: one added token, or what stands between two (then `id` is nil).
struct Part {
    let text: Scalars
    let id: Int?
}

/// Finds added tokens in a text, the longest of those that start at a place, from left to right.
struct AddedTokens {
    private let byFirst: [Unicode.Scalar: [AddedToken]]

    init(_ tokens: [AddedToken]) {
        let known = tokens.filter { !$0.content.isEmpty }
        byFirst = Dictionary(grouping: known) { $0.content[0] }
            .mapValues { $0.sorted { $0.content.count > $1.content.count } }
    }

    func split(_ text: Scalars) -> [Part] {
        var parts: [Part] = []
        var done = 0
        var place = 0
        while place < text.count {
            let candidates = byFirst[text[place]] ?? []
            guard let token = candidates.first(where: { text[place...].starts(with: $0.content) }) else {
                place += 1
                continue
            }
            var start = place
            var end = place + token.content.count
            place = end
            if token.singleWord {
                let joined = (start > 0 && text[start - 1].isWord) || (end < text.count && text[end].isWord)
                if joined { continue }
            }
            if token.leftStrip { while start > done && text[start - 1].isSpace { start -= 1 } }
            if token.rightStrip { while end < text.count && text[end].isSpace { end += 1 } }
            if start > done { parts.append(Part(text: Scalars(text[done..<start]), id: nil)) }
            parts.append(Part(text: Scalars(text[start..<end]), id: token.id))
            done = end
            place = end
        }
        if done < text.count { parts.append(Part(text: Scalars(text[done...]), id: nil)) }
        return parts
    }
}
