import type { Failure } from './generated/events.js'

/**
 * ChatError is a request that was not done. `statusCode` is the server's, or 0 when the connection
 * was lost before an answer came; `retryable` says that the same request may succeed later.
 */
export class ChatError extends Error {
  readonly statusCode: number
  readonly retryable: boolean
  readonly retryAfterMs: number
  readonly event: string | undefined

  constructor(failure: Partial<Failure>) {
    super(failure.message || 'The request failed')
    this.name = 'ChatError'
    this.statusCode = failure.statusCode ?? 0
    this.retryable = failure.retryable ?? (this.statusCode === 0 || this.statusCode >= 500)
    this.retryAfterMs = failure.retryAfterMs ?? 0
    this.event = failure.event
  }
}

export const lost = (message = 'The connection was lost before an answer came') => new ChatError({ message, statusCode: 0, retryable: true })
