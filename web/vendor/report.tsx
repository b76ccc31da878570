import { useEffect, useRef, useState } from 'preact/hooks'
import type { ChatClient, Message, Reason } from '@chaffer/client'

const reasons: Record<Reason, string> = { spam: 'Spam', abuse: 'Abuse', fraud: 'Fraud', illegal: 'Something illegal', other: 'Something else' }

/** Asks why a message is reported, and reports it. */
export function ReportDialog({ client, message, onDone }: { client: ChatClient; message: Message; onDone: () => void }) {
  const box = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState<Reason>('spam')
  const [note, setNote] = useState('')
  const [said, setSaid] = useState('')
  useEffect(() => box.current?.showModal(), [])
  const send = (e: Event) => {
    e.preventDefault()
    client.report(message, reason, note.trim()).then(onDone, (err: Error) => setSaid(err.message))
  }
  return (
    <dialog ref={box} onClose={onDone} aria-label="Report a message">
      <form onSubmit={send}>
        <h2>Report a message</h2>
        <blockquote dir="auto">{message.text || 'Picture'}</blockquote>
        <label>Why<select class="field" value={reason} onChange={(e) => setReason(e.currentTarget.value as Reason)}>{Object.entries(reasons).map(([k, v]) => <option value={k}>{v}</option>)}</select></label>
        <label>In your own words<textarea class="field" rows={3} maxLength={1000} value={note} onInput={(e) => setNote(e.currentTarget.value)} /></label>
        {said && <p class="problem" role="alert">{said}</p>}
        <span class="actions"><button class="primary">Report</button><button type="button" class="ghost" onClick={onDone}>Cancel</button></span>
      </form>
    </dialog>
  )
}
