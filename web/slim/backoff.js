// Waits twice as long each time, give or take the jitter.
export class Backoff {
  attempts = 0

  constructor({ min, max, jitter }) { Object.assign(this, { min, max, jitter }) }

  duration() { return Math.min(this.max, this.min * 2 ** this.attempts++ * (1 + this.jitter * (Math.random() * 2 - 1))) | 0 }
  reset() { this.attempts = 0 }
  setMin(min) { this.min = min }
  setMax(max) { this.max = max }
  setJitter(jitter) { this.jitter = jitter }
}
