import type { restComponents } from '@chaffer/client'
import type { Session } from '../ui/session.js'

type Schemas = restComponents['schemas']
export type AdminChat = Schemas['AdminChatJSON']
export type AdminMessage = Schemas['AdminMessageJSON']
export type Audit = Schemas['AuditJSON']
export type Stats = Schemas['StatsJSON']
export type User = Schemas['UserJSON']
export interface Page<T> { data: T[]; nextCursor?: string; hasMore: boolean }
export type Query = Record<string, string | number | undefined>

/** A refusal, as a sentence. */
export class Refused extends Error {
  constructor(readonly status: number, message: string) { super(message) }
}

/** Api asks the admin's routes. A token that is no longer good ends the session. */
export class Api {
  constructor(private readonly session: Session, private readonly ended: (why: string) => void) {}

  get<T>(path: string, query: Query = {}): Promise<T> { return this.call<T>('GET', path + search(query)) }
  post<T>(path: string, body: unknown = {}): Promise<T> { return this.call<T>('POST', path, body) }
  put<T>(path: string, body: unknown = {}): Promise<T> { return this.call<T>('PUT', path, body) }
  delete<T>(path: string, body?: unknown): Promise<T> { return this.call<T>('DELETE', path, body) }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await (await this.fetch(method, path, body)).json()) as T
  }

  /** Saves what a route answers as a file; goes on while it says that there is more. */
  async download(path: string, query: Query = {}): Promise<void> {
    for (let after: string | null = null; ;) {
      const res: Response = await this.fetch('GET', path + search({ ...query, ...(after && { afterSeq: after }) }))
      const name = /filename="([^"]+)"/.exec(res.headers.get('content-disposition') ?? '')?.[1] ?? 'download'
      const link = document.createElement('a')
      link.href = URL.createObjectURL(await res.blob())
      link.download = after ? name.replace(/(\.\w+)$/, `-after-${after}$1`) : name
      link.click()
      URL.revokeObjectURL(link.href)
      after = res.headers.get('x-next-after-seq')
      if (!after) return
    }
  }

  private async fetch(method: string, path: string, body?: unknown): Promise<Response> {
    const token = await this.session.token()
    if (!token) { this.ended(''); throw new Refused(401, 'The session has ended') }
    const res = await fetch(`/api/v1/admin${path}`, {
      method, headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (res.ok) return res
    const problem = (await res.json().catch(() => ({}))) as { message?: string }
    const message = problem.message ?? `The service answered ${res.status}`
    if (res.status === 401 || res.status === 403) { this.session.forget(); this.ended(message) }
    throw new Refused(res.status, message)
  }
}

function search(query: Query): string {
  const pairs = Object.entries(query).filter(([, v]) => v !== undefined && v !== '').map(([k, v]) => [k, String(v)])
  return pairs.length ? `?${new URLSearchParams(pairs)}` : ''
}

/** The routes this service has, so that a button for one that is not there is not shown. */
export async function routes(): Promise<Set<string>> {
  const spec = (await (await fetch('/openapi.json')).json()) as { paths: Record<string, Record<string, unknown>> }
  return new Set(Object.entries(spec.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path.replace('/api/v1/admin', '')}`)))
}
