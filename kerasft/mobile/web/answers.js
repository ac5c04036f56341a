/** From logits to labels, as kerasft's pipelines do it. */

/** @param {ArrayLike<number>} logits @returns {number[]} Numbers above 0 whose sum is 1; exact at logits of any size. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

export class Answers {
  /** @param {object} signature The content of signature.json. */
  constructor({ problem, labels, settings }) {
    Object.assign(this, { problem, labels, settings: settings ?? {} });
  }

  /** @param {ArrayLike<number>} logits @returns {number[]} Each label's probability; of a regression the numbers themselves. */
  scores(logits) {
    if (this.problem === "regression") return [...logits];
    const scaled = Array.from(logits, (logit) => logit / (this.settings.temperature ?? 1));
    return this.problem === "multi_label" ? scaled.map((x) => 0.5 * (1 + Math.tanh(0.5 * x))) : softmax(scaled);
  }

  /**
   * The answer: the likeliest label, or those labels that reach their threshold, likeliest first.
   * @param {ArrayLike<number>} logits @returns {{label: string, score: number}[]}
   */
  best(logits) {
    const scored = this.scores(logits).map((score, at) => ({ label: this.labels[at], score }));
    if (this.problem === "regression") return scored;
    if (this.problem === "multi_label") {
      const { thresholds } = this.settings;
      return scored.filter(({ score }, at) => score >= (thresholds?.[at] ?? 0.5)).sort((a, b) => b.score - a.score);
    }
    const likeliest = scored.reduce((best, each) => (each.score > best.score ? each : best));
    const rejection = this.settings.out_of_scope; // below its threshold the answer is "none of the labels"
    if (!rejection || likeliest.score >= rejection.threshold) return [likeliest];
    return [{ label: rejection.label, score: 1 - likeliest.score }];
  }
}
