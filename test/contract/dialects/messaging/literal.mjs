// What the document shows, as it shows it: the stock client's own io(address), handlers and no
// acknowledgements. Nothing is changed but the address.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { literally } from '../literal.mjs'

export function literal(at) {
  const { connect, once, token } = literally(at)

  it('the usage example', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const { body: { _id: conversationId } } = await a.rest('POST', '/api/conversation', { participants: [a.id, b.id], isGroup: false, groupName: 'Optional Group Name' })
    const [sa, sb] = [connect('', token(a)), connect('', token(b))]
    const received = once(sb, 'new_message')
    sa.emit('send_message', { conversationId, content: 'Hello, world!' })
    const { message } = await received
    const typing = once(sb, 'typing_indicator')
    sa.emit('typing', { conversationId, isTyping: true })
    assert.deepEqual(await typing, { conversationId, userId: a.id, isTyping: true })
    const read = once(sa, 'message_read')
    sb.emit('mark_read', { messageId: message._id })
    assert.deepEqual(await read, { messageId: message._id, readBy: b.id, conversationId })
  })
}
