package org.kerasft.core

/** A token that is looked for in a text as it is, such as "[MASK]"; the flags are those of tokenizer.json. */
class AddedToken(
    val id: Int,
    val content: String,
    val singleWord: Boolean = false,
    val leftStrip: Boolean = false,
    val rightStrip: Boolean = false,
    val normalized: Boolean = false,
    val special: Boolean = false,
)

/** A part of a text: one added token, or what stands between two (then [id] is null). */
class Part(val text: String, val id: Int? = null)

/** Finds added tokens in a text, the longest of those that start at a place, from left to right. */
internal class AddedTokens(tokens: List<AddedToken>) {
    private val byFirst = tokens.filter { it.content.isNotEmpty() }
        .sortedByDescending { it.content.length }
        .groupBy { it.content[0] }

    fun split(text: String): List<Part> {
        val parts = ArrayList<Part>()
        var done = 0
        var at = 0
        while (at < text.length) {
            val token = byFirst[text[at]]?.firstOrNull { text.startsWith(it.content, at) }
            if (token == null) {
                at++
                continue
            }
            var start = at
            var end = at + token.content.length
            at = end
            if (token.singleWord && (endsWithWord(text, start) || startsWithWord(text, end))) continue
            if (token.leftStrip) while (start > done && isSpace(text[start - 1].code)) start--
            if (token.rightStrip) while (end < text.length && isSpace(text[end].code)) end++
            if (start > done) parts.add(Part(text.substring(done, start)))
            parts.add(Part(text.substring(start, end), token.id))
            done = end
            at = end
        }
        if (done < text.length) parts.add(Part(text.substring(done)))
        return parts
    }

    private fun endsWithWord(text: String, end: Int) = end > 0 && isWord(text.codePointBefore(end))

    private fun startsWithWord(text: String, start: Int) = start < text.length && isWord(text.codePointAt(start))

    /** `\w`: letters, marks, digits and connecting punctuation. */
    private fun isWord(codePoint: Int): Boolean =
        codePoint in LETTER || codePoint in MARK || Character.isAlphabetic(codePoint) || Character.isDigit(codePoint) ||
            Character.getType(codePoint) == Character.CONNECTOR_PUNCTUATION.toInt()
}
