package org.kerasft.core

/** An output of a model for one text: its numbers row by row, and the row's length where there is one row a token. */
class Output(val values: FloatArray, val shape: IntArray)

/** Texts in, the numbers of a model out: the shortest signature that a text fits in, padded, run. */
class TextModel(val info: ModelInfo, tokenizer: Tokenizer, private val signatures: Signatures) {
    val encoder = TextEncoder(tokenizer, info)

    /** The signatures that read a text, from short to long; one for texts of any length has the length -1. */
    private val byLength: List<Pair<String, Int>> = info.signatures
        .mapNotNull { (name, spec) -> spec.inputs[TOKEN_IDS]?.let { Pair(name, it.shape[1]) } }
        .sortedBy { it.second }

    init {
        require(byLength.isNotEmpty()) { "no signature of the model has the input $TOKEN_IDS" }
    }

    fun run(text: String): Map<String, Output> = run(encoder.encode(text))

    fun run(first: String, second: String): Map<String, Output> = run(encoder.encode(first, second))

    fun run(encoded: Encoded): Map<String, Output> {
        val size = encoded.ids.size
        val (name, fixed) = byLength.first { it.second == -1 || it.second >= size }
        val length = if (fixed == -1) maxOf(size, 1) else fixed
        val spec = info.signatures.getValue(name)
        val inputs = spec.inputs.keys.associateWith { input -> arrayOf(row(input, encoded, length)) }
        val outputs = spec.outputs.mapValues { (_, output) -> floatBuffer(resolved(output.shape, length)) }
        signatures.run(name, inputs, outputs)
        return outputs.mapValues { (output, buffer) ->
            cut(buffer.toFloatArray(), resolved(spec.outputs.getValue(output).shape, length), size)
        }
    }

    private fun row(input: String, encoded: Encoded, length: Int): IntArray {
        val size = encoded.ids.size
        return when (input) {
            TOKEN_IDS -> IntArray(length) { if (it < size) encoded.ids[it] else info.padId }
            PADDING_MASK -> IntArray(length) { if (it < size) 1 else 0 }
            SEGMENT_IDS -> IntArray(length) { if (it < size) encoded.segments[it] else 0 }
            else -> throw IllegalArgumentException("the model has an input $input, which is not one of a text")
        }
    }

    /** The sizes that are open: the first is the number of texts, the others are their length. */
    private fun resolved(shape: IntArray, length: Int) =
        IntArray(shape.size) { if (shape[it] != -1) shape[it] else if (it == 0) 1 else length }

    /** An output per token, (1, S, C), loses its rows for padding. */
    private fun cut(values: FloatArray, shape: IntArray, size: Int): Output {
        if (shape.size < 3) return Output(values, shape.copyOfRange(1, shape.size))
        return Output(values.copyOf(size * shape[2]), intArrayOf(size, shape[2]))
    }

    companion object {
        const val TOKEN_IDS = "token_ids"
        const val PADDING_MASK = "padding_mask"
        const val SEGMENT_IDS = "segment_ids"
    }
}
