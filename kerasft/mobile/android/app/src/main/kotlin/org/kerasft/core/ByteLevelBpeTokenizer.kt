package org.kerasft.core

import java.io.ByteArrayOutputStream

/** The tokenizer of GPT-2 and RoBERTa: split as GPT-2's pattern does, write each byte as a character, merge by rank. */
class ByteLevelBpeTokenizer internal constructor(json: Any?) : Tokenizer(json) {
    private val ids: Map<String, Int> = json["model"]["vocab"].jsonMap().mapValues { it.value.jsonInt() }
    private val byteIds = IntArray(256) { ids[BYTE_CHARACTERS[it].toString()] ?: NONE }
    private val unknownId = (json["model"]["unk_token"] as String?)?.let { ids[it] } ?: NONE
    private val merges = HashMap<Long, Merge>()
    private val addsSpace: Boolean

    private class Merge(val rank: Int, val id: Int)

    init {
        val splitting = json["pre_tokenizer"]
        require(splitting["type"] == "ByteLevel" && json["normalizer"] == null && splitting["use_regex"] != false) {
            "a byte-level BPE tokenizer with GPT-2's splitting and no normaliser was expected"
        }
        addsSpace = splitting["add_prefix_space"] as Boolean
        json["model"]["merges"].jsonList().forEachIndexed { rank, pair ->
            // Older files have "a b", newer ones ["a", "b"].
            val (first, second) = if (pair is String) pair.split(' ') else pair.jsonList().map { it as String }
            merges[key(ids.getValue(first), ids.getValue(second))] = Merge(rank, ids.getValue(first + second))
        }
    }

    override fun addPlain(text: String, ids: Ids) {
        val spaced = if (addsSpace && !text.startsWith(' ')) " $text" else text
        var start = 0
        while (start < spaced.length) {
            val end = endOfWord(spaced, start)
            addWord(spaced.substring(start, end).toByteArray(), ids)
            start = end
        }
    }

    private fun addWord(bytes: ByteArray, ids: Ids) {
        val word = IntArray(bytes.size)
        var size = 0
        for (byte in bytes) {
            val id = byteIds[byte.toInt() and 0xFF].let { if (it == NONE) unknownId else it }
            if (id != NONE) word[size++] = id
        }
        while (true) {
            var best: Merge? = null
            var place = 0
            for (i in 0 until size - 1) {
                val merge = merges[key(word[i], word[i + 1])] ?: continue
                if (best == null || merge.rank < best.rank) {
                    best = merge
                    place = i
                }
            }
            word[place] = best?.id ?: break
            word.copyInto(word, place + 1, place + 2, size)
            size--
        }
        for (i in 0 until size) ids.add(word[i])
    }

    private val pieces by lazy { ids.entries.associate { it.value to it.key } }

    override fun decode(ids: IntArray): String {
        val bytes = ByteArrayOutputStream()
        for (id in ids) {
            val added = addedById[id]
            when {
                added == null -> pieces.getValue(id).forEach { bytes.write(CHARACTER_BYTES.getValue(it)) }
                !added.special -> bytes.write(added.content.toByteArray())
            }
        }
        return bytes.toString("UTF-8")
    }

    private companion object {
        const val NONE = -1

        fun key(first: Int, second: Int): Long = (first.toLong() shl 32) or second.toLong()

        /** The bytes that are visible in Latin-1 stand for themselves, the others for the characters from U+0100 on. */
        val BYTE_CHARACTERS: List<Char> = run {
            var next = 0x100
            List(256) { if (it in 0x21..0x7E || it in 0xA1..0xAC || it in 0xAE..0xFF) it.toChar() else (next++).toChar() }
        }
        val CHARACTER_BYTES: Map<Char, Int> = BYTE_CHARACTERS.withIndex().associate { it.value to it.index }

        val CONTRACTIONS = listOf("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")

        /**
         * Where the word ends that begins at [start], as in GPT-2's pattern
         * `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
         * which Java and Android do not read alike.
         */
        fun endOfWord(text: String, start: Int): Int {
            CONTRACTIONS.firstOrNull { text.startsWith(it, start) }?.let { return start + it.length }
            val first = if (text[start] == ' ') start + 1 else start
            val kind = kindAt(text, first)
            if (kind != Kind.SPACE) return endOfRun(text, first, kind)
            val end = endOfRun(text, start, Kind.SPACE)
            // The last space belongs to the word behind it, if one follows.
            return if (end < text.length && end - start > 1) end - 1 else end
        }

        enum class Kind { LETTER, NUMBER, SPACE, OTHER }

        fun kindAt(text: String, at: Int): Kind {
            if (at == text.length) return Kind.SPACE
            val codePoint = text.codePointAt(at)
            return when {
                codePoint in LETTER -> Kind.LETTER
                codePoint in NUMBER -> Kind.NUMBER
                isSpace(codePoint) -> Kind.SPACE
                else -> Kind.OTHER
            }
        }

        fun endOfRun(text: String, start: Int, kind: Kind): Int {
            var end = start
            while (end < text.length && kindAt(text, end) == kind) end += Character.charCount(text.codePointAt(end))
            return end
        }
    }
}
