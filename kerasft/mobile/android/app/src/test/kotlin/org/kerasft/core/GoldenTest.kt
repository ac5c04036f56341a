package org.kerasft.core

import java.io.File
import kotlin.system.exitProcess

/**
 * Compares the ids of every text in a bundle's golden.jsonl with those that these tokenizers make, on any JVM:
 *
 *     kotlinc app/src -include-runtime -d golden.jar && java -cp golden.jar org.kerasft.core.GoldenTestKt BUNDLE...
 */
fun main(folders: Array<String>) {
    val failed = folders.map { File(it) }.sumOf { folder ->
        val info = ModelInfo.parse(File(folder, "signature.json").readText())
        val tokenizer = Tokenizer.parse(File(folder, "tokenizer.json").readText())
        val check = GoldenCheck(TextEncoder(tokenizer, info.template, info.maxLength))
        File(folder, "golden.jsonl").forEachLine { check.line(it) }
        println("$folder: ${check.checked} texts, ${check.different.size} different")
        check.different.take(10).forEach { println("  $it") }
        check.different.size
    }
    if (failed > 0) exitProcess(1)
}
