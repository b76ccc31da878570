import { useEffect, useState } from 'preact/hooks'
import { Icon } from '../ui/icons.js'
import type { Page } from './api.js'
import { when, type Place } from './chats.js'

interface Report { id: string; chatId: string; messageId?: string; reason?: string; note?: string; text?: string; status?: string; createdAt: string; reporterType?: string; reporterId?: string | number }

/** What customers and vendors have reported. */
export function Reports({ api, go }: Place) {
  const [page, setPage] = useState<Page<Report>>()
  const [problem, setProblem] = useState('')
  const load = (cursor?: string) => {
    api.get<Page<Report>>('/reports', { cursor, limit: 50 }).then(
      (got) => setPage((before) => ({ ...got, data: cursor ? [...(before?.data ?? []), ...got.data] : got.data })), (err: Error) => setProblem(err.message))
  }
  useEffect(() => load(), [])
  return (
    <main class="sheet wide">
      <h1>Reports</h1>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {page && !page.data.length && <div class="nothing" role="status"><Icon name="shield" /><b>No reports</b>What customers and vendors report appears here.</div>}
      {page && page.data.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Reports">
          <table>
            <thead><tr><th>When</th><th>From</th><th>Reason</th><th>State</th><th>Chat</th></tr></thead>
            <tbody>{page.data.map((r) => (
              <tr key={r.id}><td>{when(r.createdAt)}</td><td>{r.reporterType} {r.reporterId}</td><td dir="auto">{r.reason ?? r.text ?? ''} <span class="soft">{r.note}</span></td><td>{r.status ?? ''}</td>
                <td><button type="button" class="link-button" onClick={() => go('chats', r.chatId)}>Open</button></td></tr>
            ))}</tbody>
          </table>
        </div>
      )}
      {page?.hasMore && <button type="button" class="ghost more" onClick={() => load(page.nextCursor)}>Show more</button>}
    </main>
  )
}
