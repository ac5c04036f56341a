package org.kerasft.core

import java.text.Normalizer

/** BERT's tokenizer: clean, lower-case, split at spaces and punctuation, and take the longest pieces from the left. */
class WordPieceTokenizer internal constructor(json: Any?) : Tokenizer(json) {
    private val ids: Map<String, Int> = json["model"]["vocab"].jsonMap().mapValues { it.value.jsonInt() }
    private val unknownId = ids.getValue(json["model"]["unk_token"] as String)
    private val prefix = json["model"]["continuing_subword_prefix"] as String
    private val longestWord = json["model"]["max_input_chars_per_word"].jsonInt()
    private val cleans: Boolean
    private val padsIdeographs: Boolean
    private val lowercases: Boolean
    private val stripsAccents: Boolean

    init {
        val normalizer = json["normalizer"]
        require(normalizer["type"] == "BertNormalizer" && json["pre_tokenizer"]["type"] == "BertPreTokenizer") {
            "a WordPiece tokenizer with BERT's normaliser and splitting was expected"
        }
        cleans = normalizer["clean_text"] as Boolean
        padsIdeographs = normalizer["handle_chinese_chars"] as Boolean
        lowercases = normalizer["lowercase"] as Boolean
        stripsAccents = normalizer["strip_accents"] as Boolean? ?: lowercases
    }

    override fun normalize(text: String): String {
        val cleaned = StringBuilder(text.length)
        text.forEachCodePoint { codePoint ->
            when {
                cleans && codePoint in CONTROL -> {}
                cleans && isSpace(codePoint) -> cleaned.append(' ')
                padsIdeographs && isIdeograph(codePoint) -> cleaned.append(' ').appendCodePoint(codePoint).append(' ')
                else -> cleaned.appendCodePoint(codePoint)
            }
        }
        if (!stripsAccents && !lowercases) return cleaned.toString()
        val result = StringBuilder(cleaned.length)
        val decomposed = if (stripsAccents) Normalizer.normalize(cleaned, Normalizer.Form.NFD) else cleaned.toString()
        decomposed.forEachCodePoint { codePoint ->
            when {
                stripsAccents && codePoint in MARK -> {}
                !lowercases -> result.appendCodePoint(codePoint)
                codePoint == 0x130 -> result.append("i\u0307") // the one character whose lower case is two
                else -> result.appendCodePoint(LOWER_CASE[codePoint])
            }
        }
        return result.toString()
    }

    override fun addPlain(text: String, ids: Ids) {
        var start = 0
        var at = 0
        while (at < text.length) {
            val codePoint = text.codePointAt(at)
            val end = at + Character.charCount(codePoint)
            val alone = codePoint in PUNCTUATION
            if (alone || isSpace(codePoint)) {
                addWord(text, start, at, ids)
                if (alone) addWord(text, at, end, ids)
                start = end
            }
            at = end
        }
        addWord(text, start, at, ids)
    }

    /** Longest match first; a word of which a part is in no vocabulary is unknown as a whole. */
    private fun addWord(text: String, start: Int, end: Int, ids: Ids) {
        if (start == end) return
        if (text.codePointCount(start, end) > longestWord) return ids.add(unknownId)
        val found = ArrayList<Int>()
        var at = start
        while (at < end) {
            var stop = end
            var id: Int? = null
            while (stop > at) {
                val piece = text.substring(at, stop)
                id = this.ids[if (at == start) piece else prefix + piece]
                if (id != null) break
                stop--
            }
            found.add(id ?: return ids.add(unknownId))
            at = stop
        }
        found.forEach(ids::add)
    }

    private val pieces by lazy { ids.entries.associate { it.value to it.key } }

    override fun decode(ids: IntArray): String =
        ids.filter { addedById[it]?.special != true }
            .joinToString(" ") { addedById[it]?.content ?: pieces.getValue(it) }
            .replace(" $prefix", "")
}
