package org.kerasft.core

/** The ids around texts, as in `preprocessing.template` of signature.json: [CLS] a [SEP] b [SEP], for example. */
class Template(val before: IntArray, val afterSingle: IntArray, val between: IntArray, val after: IntArray) {
    internal constructor(json: Any?) : this(
        json["before"].jsonInts(), json["after_single"].jsonInts(), json["between"].jsonInts(), json["after"].jsonInts(),
    )
}

/** What a model reads of one text, or of one pair of texts. */
class Encoded(val ids: IntArray, val segments: IntArray)

/** Puts special tokens around the ids of texts, and cuts what is longer than [maxLength] ids. */
class TextEncoder(private val tokenizer: Tokenizer, info: ModelInfo) {
    private val template = info.template
    private val maxLength = info.maxLength
    private val markers = info.markers

    fun encode(text: String): Encoded {
        val ids = tokenizer.ids(text)
        val room = maxLength - template.before.size - template.afterSingle.size
        val row = template.before + cut(ids, room) + template.afterSingle
        return Encoded(row, IntArray(row.size))
    }

    private fun cut(ids: IntArray, room: Int): IntArray {
        if (ids.size <= room) return ids
        val places = markers.map(ids::lastIndexOf)
        return if (places.isEmpty() || -1 in places) ids.copyOf(room) else aroundEntities(ids, places, room)
    }

    /** As much before the first entity as after the last; where they are too far apart what stands between them goes. */
    private fun aroundEntities(ids: IntArray, places: List<Int>, room: Int): IntArray {
        val first = places.min()
        val last = places.max()
        val spare = room - (last - first + 1)
        if (spare >= 0) {
            val start = first - minOf(first, maxOf(spare / 2, spare - (ids.size - 1 - last)))
            return ids.copyOfRange(start, start + room)
        }
        val (head, tail) = listOf(places[0] to places[1], places[2] to places[3]).sortedBy { it.first }
        val ofTail = minOf(room / 2, tail.second - tail.first + 1)
        val kept = (head.first until head.first + room - ofTail) + (tail.first until tail.first + ofTail)
        return kept.distinct().sorted().map { ids[it] }.toIntArray()
    }

    /** Of a pair the longer text is cut first. */
    fun encode(first: String, second: String): Encoded {
        val a = tokenizer.ids(first)
        val b = tokenizer.ids(second)
        val room = maxLength - template.before.size - template.between.size - template.after.size
        val (keptOfA, keptOfB) = longestFirst(a.size, b.size, room)
        val head = template.before + a.copyOf(keptOfA) + template.between
        val row = head + b.copyOf(keptOfB) + template.after
        return Encoded(row, IntArray(row.size) { if (it < head.size) 0 else 1 })
    }

    private fun longestFirst(first: Int, second: Int, room: Int): Pair<Int, Int> {
        if (first + second <= room) return Pair(first, second)
        val shorter = minOf(first, second)
        val longer = maxOf(shorter, room - shorter)
        // If both are longer than half of the room they get half each, the longer one the odd place.
        val (low, high) = if (shorter + longer > room) Pair(room / 2, room - room / 2) else Pair(shorter, longer)
        return if (first <= second) Pair(low, high) else Pair(high, low)
    }
}
