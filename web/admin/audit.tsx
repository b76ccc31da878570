import { useEffect, useState } from 'preact/hooks'
import type { Api, Audit, Page } from './api.js'

const words: Record<string, string> = {
  'chats.list': 'searched chats', 'chat.read': 'read a chat', 'chat.transcript': 'downloaded a transcript', 'message.delete': 'deleted a message',
  'chat.freeze': 'froze a chat', 'chat.unfreeze': 'unfroze a chat', 'reports.list': 'read the reports', 'report.resolve': 'closed a report',
  'user.export': 'exported a person’s data', 'user.erase': 'erased a person', 'user.erase.read': 'looked at an erasure', 'user.revoke': 'ended a person’s sessions',
  'user.read': 'looked at a person', 'stats.read': 'looked at the figures', 'audit.list': 'read the audit log',
}

/** What admins have looked at and done, newest first. */
export function AuditLog({ api, go }: { api: Api; go: (...parts: string[]) => void }) {
  const [page, setPage] = useState<Page<Audit>>()
  const [problem, setProblem] = useState('')
  const load = (cursor?: string) => {
    api.get<Page<Audit>>('/audit', { cursor, limit: 100 }).then(
      (got) => setPage((before) => ({ ...got, data: cursor ? [...(before?.data ?? []), ...got.data] : got.data })), (err: Error) => setProblem(err.message))
  }
  useEffect(() => load(), [])
  const target = (a: Audit) => {
    const [type, id] = a.target.split(':')
    if (id) return <a href={`#person/${type}/${encodeURIComponent(id)}`}>{a.target}</a>
    return /^[0-9a-f-]{36}$/.test(a.target) ? <button type="button" class="link-button" onClick={() => go('chats', a.target)}>{a.target.slice(0, 8)}…</button> : a.target
  }
  return (
    <main class="sheet wide">
      <h1>Audit log</h1>
      {problem && <p class="problem" role="alert">{problem}</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label="Entries">
        <table>
          <thead><tr><th>When</th><th>Who</th><th>What</th><th>About</th><th>Details</th></tr></thead>
          <tbody>{page?.data.map((a) => (
            <tr key={a.id}><td><time dateTime={a.at}>{new Date(a.at).toLocaleString('en-GB')}</time></td><td>{a.actorType} {a.actorId}</td><td>{words[a.action] ?? a.action}</td><td>{target(a)}</td>
              <td class="soft">{Object.entries(a.detail ?? {}).map(([k, v]) => `${k}: ${typeof v === 'string' ? v : JSON.stringify(v)}`).join(', ')}</td></tr>
          ))}</tbody>
        </table>
      </div>
      {page?.hasMore && <button type="button" class="ghost more" onClick={() => load(page.nextCursor)}>Show more</button>}
    </main>
  )
}
