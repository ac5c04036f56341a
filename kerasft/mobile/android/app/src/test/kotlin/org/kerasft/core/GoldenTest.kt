package org.kerasft.core

import java.io.File
import kotlin.system.exitProcess

/**
 * Compares the ids of every text in a bundle's golden.jsonl with those that these tokenizers make, on any JVM:
 *
 *     kotlinc app/src/main/kotlin/org/kerasft/core app/src/test -include-runtime -d golden.jar
 *     java -cp golden.jar org.kerasft.core.GoldenTestKt BUNDLE...
 */
fun main(folders: Array<String>) {
    var failed = false
    for (folder in folders) {
        val check = goldenCheck(folder, signatures = null)
        println("$folder: ${check.checked} texts, ${check.different.size} different")
        check.different.take(10).forEach { println("  $it") }
        failed = failed || check.different.isNotEmpty()
    }
    if (failed) exitProcess(1)
}

internal fun goldenCheck(folder: String, signatures: Signatures?): GoldenCheck {
    val info = ModelInfo.parse(File(folder, "signature.json").readText())
    val check = GoldenCheck(info, Tokenizer.parse(File(folder, "tokenizer.json").readText()), signatures)
    File(folder, "golden.jsonl").forEachLine(action = check::line)
    return check
}
