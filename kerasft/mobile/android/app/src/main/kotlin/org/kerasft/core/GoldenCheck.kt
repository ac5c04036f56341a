package org.kerasft.core

/** Compares ids with those in lines of golden.jsonl. */
class GoldenCheck(private val encoder: TextEncoder) {
    var checked = 0
        private set
    val different = ArrayList<String>()

    fun line(json: String) {
        val row = Json.parse(json)
        val texts = (row["texts"]?.asList() ?: listOf(row["text"])).map { it as String }
        val encoded = if (texts.size == 1) encoder.encode(texts[0]) else encoder.encode(texts[0], texts[1])
        val expected = row["token_ids"].asInts()
        val segments = row["segment_ids"]?.asInts() ?: encoded.segments
        checked++
        if (!encoded.ids.contentEquals(expected) || !encoded.segments.contentEquals(segments)) {
            different.add("$texts: expected ${expected.asList()}, received ${encoded.ids.asList()}")
        }
    }
}
