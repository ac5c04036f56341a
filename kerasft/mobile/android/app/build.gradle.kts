import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.kerasft.sample"
    compileSdk = 36

    defaultConfig {
        applicationId = "org.kerasft.sample"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    androidResources {
        noCompress += "tflite" // so that the model can be mapped into memory
    }
    sourceSets["main"].assets.srcDir(layout.buildDirectory.dir("bundle"))
}

kotlin {
    compilerOptions { jvmTarget = JvmTarget.JVM_17 }
}

// The bundle that holds this folder becomes the app's assets.
val copyBundle = tasks.register<Copy>("copyBundle") {
    val names = listOf("model.tflite", "tokenizer.json", "signature.json", "labels.txt", "golden.jsonl")
    from(names.map { rootDir.resolveSibling(it) })
    into(layout.buildDirectory.dir("bundle"))
}
tasks.named("preBuild") { dependsOn(copyBundle) }

dependencies {
    implementation("com.google.ai.edge.litert:litert:2.1.5")
}
