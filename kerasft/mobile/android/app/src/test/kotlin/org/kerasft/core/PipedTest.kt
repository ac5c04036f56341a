package org.kerasft.core

import java.io.File
import java.nio.FloatBuffer

/**
 * Runs a bundle's golden.jsonl, or requests to write, with a model in another process: each call of a signature is printed as a
 * line of JSON, and its outputs are read as one. kerasft's own tests answer with LiteRT's Python interpreter.
 *
 *     java -cp golden.jar org.kerasft.core.PipedTestKt BUNDLE [REQUESTS.jsonl]
 */
fun main(arguments: Array<String>) {
    val signatures = PipedSignatures()
    if (arguments.size == 1) {
        val check = goldenCheck(arguments[0], signatures)
        println("""{"checked": ${check.checked}, "different": ${check.different.size}, "largest": ${check.largestDifference}}""")
        return
    }
    val generator = Generator(ModelInfo.parse(File(arguments[0], "signature.json").readText()), signatures)
    File(arguments[1]).forEachLine { line ->
        val request = Json.parse(line)
        val written = generator.write(request["prompt"].jsonInts(), GenerationOptions.of(request["options"].jsonMap()))
        println("""{"token_ids": ${written.ids.asList()}, "finished": ${written.finished}}""")
    }
}

private class PipedSignatures : Signatures {
    override fun run(signature: String, inputs: Map<String, Any>, outputs: Map<String, FloatBuffer>) {
        val values = inputs.map { (name, value) -> """"$name": ${json(value)}""" }.joinToString()
        println("""{"signature": "$signature", "inputs": {$values}}""")
        val answer = Json.parse(readln())
        for ((name, buffer) in outputs) {
            buffer.rewind()
            for (number in answer[name].jsonList()) buffer.put((number as Double).toFloat())
            check(!buffer.hasRemaining()) { "$name has ${buffer.capacity()} numbers" }
        }
    }

    private fun json(value: Any): String = when (value) {
        is IntArray -> value.asList().toString()
        is FloatBuffer -> value.toFloatArray().asList().toString()
        else -> (value as Array<*>).joinToString(prefix = "[", postfix = "]") { json(it!!) }
    }
}
