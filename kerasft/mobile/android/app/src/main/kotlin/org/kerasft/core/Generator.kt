package org.kerasft.core

import java.nio.FloatBuffer

/** How a text is to be written: the options of kerasft's GenerationOptions that make sense on a phone. */
data class GenerationOptions(
    val maxNewTokens: Int = 128,
    val minNewTokens: Int = 0,
    /** Whether tokens are drawn by their probability; else the likeliest comes each time. */
    val sample: Boolean = false,
    val temperature: Double = 1.0,
    val topK: Int? = null,
    val topP: Double? = null,
    val repetitionPenalty: Double = 1.0,
    val noRepeatNgramSize: Int = 0,
    val seed: Long = 0,
) {
    companion object {
        /** Read `generation.options` of signature.json. */
        fun of(json: Map<String, Any?>): GenerationOptions {
            val default = GenerationOptions()
            return GenerationOptions(
                maxNewTokens = json["max_new_tokens"]?.jsonInt() ?: default.maxNewTokens,
                minNewTokens = json["min_new_tokens"]?.jsonInt() ?: default.minNewTokens,
                sample = json["method"] == "sample",
                temperature = json["temperature"] as Double? ?: default.temperature,
                topK = json["top_k"]?.jsonInt(),
                topP = json["top_p"] as Double?,
                repetitionPenalty = json["repetition_penalty"] as Double? ?: default.repetitionPenalty,
                noRepeatNgramSize = json["no_repeat_ngram_size"]?.jsonInt() ?: default.noRepeatNgramSize,
                seed = (json["seed"] as Double?)?.toLong() ?: default.seed,
            )
        }
    }
}

/** The new tokens, without the end token, and whether the text ended by itself. */
class Written(val ids: IntArray, val finished: Boolean)

/**
 * Writes texts with a file that `kerasft.export.litert_generation` made: GPT-2, or T5. The cache is of one text: while it is
 * written, other threads wait.
 */
class Generator(info: ModelInfo, signatures: Signatures) {
    private val facts = requireNotNull(info.generation) { "signature.json has no \"generation\": this file writes no texts" }
    private val endId = facts["end_token_id"]?.jsonInt() ?: -1
    private val steps: Steps = Caches(info, signatures).let {
        if (facts["kind"] == "sequence_to_sequence") EncoderDecoder(it, facts) else Decoder(it, facts)
    }

    /** The options that the file was exported with. */
    val options = GenerationOptions.of(facts["options"].jsonMap())

    /**
     * Write one text: for GPT-2 [prompt] is the beginning that is written on, for T5 the source with its end token. [onToken]
     * gets each new token at once; false ends the text. It must not call [write].
     */
    @Synchronized
    fun write(prompt: IntArray, options: GenerationOptions = this.options, onToken: (Int) -> Boolean = { true }): Written {
        val limit = minOf(options.maxNewTokens, steps.room(prompt))
        val numbers = if (options.sample) RandomNumbers(options.seed, prompt) else null
        val history = Ids()
        steps.history(prompt).forEach(history::add)
        val written = Ids()
        var logits = steps.begin(prompt)
        for (number in 0 until limit) {
            val scores = adjusted(logits, history.toArray(), options)
            if (number < options.minNewTokens && endId >= 0) scores[endId] = NEVER
            val token = if (numbers == null) likeliest(scores) else draw(scores, numbers.next(), options)
            if (token == endId) return Written(written.toArray(), finished = true)
            written.add(token)
            if (!onToken(token) || number + 1 == limit) break
            history.add(token)
            logits = steps.next(token)
        }
        return Written(written.toArray(), finished = false)
    }
}

/** The model as the loop sees it: scores (V) of the next token after a prompt, and after one token more. */
private interface Steps {
    fun room(prompt: IntArray): Int
    fun history(prompt: IntArray): IntArray
    fun begin(prompt: IntArray): FloatArray
    fun next(token: Int): FloatArray
}

/** GPT-2: `prefill_S` puts S tokens into the cache, `decode` one, and gives the scores of the next. */
private class Decoder(private val caches: Caches, facts: Any?) : Steps {
    private val lengths = facts["prefill_lengths"].jsonInts().sorted()
    private val size = facts["cache_length"].jsonInt()
    private var place = 0

    override fun room(prompt: IntArray): Int {
        require(prompt.size in 1 until size) { "the prompt must have 1 to ${size - 1} tokens; received: ${prompt.size}" }
        return size - prompt.size
    }

    override fun history(prompt: IntArray) = prompt

    override fun begin(prompt: IntArray): FloatArray {
        place = 0
        val last = prompt.size - 1
        while (place < last) {
            val length = fitting(last - place)
            if (length == null) {
                next(prompt[place])
                continue
            }
            // What stands behind the prompt is written over before anything sees it.
            val tokens = IntArray(length) { if (place + it < last) prompt[place + it] else 0 }
            caches.run("prefill_$length", mapOf("tokens" to arrayOf(tokens), "input_pos" to IntArray(length) { place + it }))
            place = minOf(place + length, last)
        }
        return next(prompt[last])
    }

    override fun next(token: Int): FloatArray {
        val inputs = mapOf("tokens" to arrayOf(intArrayOf(token)), "input_pos" to intArrayOf(place++))
        return caches.run("decode", inputs).getValue("logits")
    }

    /** The shortest that takes all of them, else the longest; it must not reach beyond the cache. */
    private fun fitting(count: Int): Int? {
        if (count == 1) return null // `decode` is cheaper
        val possible = lengths.filter { place + it <= size }
        return possible.firstOrNull { it >= count } ?: possible.lastOrNull()
    }
}

/** T5: `encode_S` makes the keys and values of the source, `decode` reads one token of the target. */
private class EncoderDecoder(private val caches: Caches, facts: Any?) : Steps {
    private val lengths = facts["prefill_lengths"].jsonInts().sorted()
    private val size = facts["cache_length"].jsonInt()
    private val startId = facts["start_token_id"].jsonInt()
    private var place = 0
    private var mask = IntArray(0)

    override fun room(prompt: IntArray): Int {
        require(prompt.size in 1..lengths.last()) {
            "the source must have 1 to ${lengths.last()} tokens; received: ${prompt.size}"
        }
        return size
    }

    override fun history(prompt: IntArray) = intArrayOf(startId)

    override fun begin(prompt: IntArray): FloatArray {
        val length = lengths.first { it >= prompt.size }
        mask = IntArray(lengths.last()) { if (it < prompt.size) 1 else 0 }
        val inputs = mapOf(
            "encoder_token_ids" to arrayOf(prompt.copyOf(length)),
            "encoder_padding_mask" to arrayOf(mask.copyOf(length)),
        )
        caches.run("encode_$length", inputs)
        place = 0
        return next(startId)
    }

    override fun next(token: Int): FloatArray {
        val inputs = mapOf(
            "tokens" to arrayOf(intArrayOf(token)),
            "input_pos" to intArrayOf(place++),
            "encoder_padding_mask" to arrayOf(mask),
        )
        return caches.run("decode", inputs).getValue("logits")
    }
}

/** Keeps what one signature writes for `decode`, the caches, and gives it to the next that reads it. */
private class Caches(private val info: ModelInfo, private val signatures: Signatures) {
    private val names = info.signatures.getValue("decode").inputs.keys intersect
        info.signatures.values.flatMap { it.outputs.keys }.toSet()

    // Two sets that change places: a signature reads one and writes the other.
    private val read = buffers()
    private val written = buffers()

    private fun buffers(): MutableMap<String, FloatBuffer> =
        names.associateWithTo(HashMap()) { floatBuffer(info.signatures.getValue("decode").inputs.getValue(it).shape) }

    /** Run a signature with these inputs and the caches; returns its other outputs. */
    fun run(signature: String, inputs: Map<String, Any>): Map<String, FloatArray> {
        val spec = info.signatures.getValue(signature)
        val others = (spec.outputs - names).mapValues { floatBuffer(it.value.shape) }
        val caches = spec.outputs.keys intersect names
        val known = read.filterKeys(spec.inputs::containsKey)
        signatures.run(signature, inputs + known, others + caches.associateWith(written::getValue))
        for (name in caches) {
            val new = written.getValue(name)
            written[name] = read.getValue(name)
            read[name] = new
        }
        return others.mapValues { it.value.toFloatArray() }
    }
}
