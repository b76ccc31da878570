// What the document shows, as it shows it: the stock client's own io(address), handlers and no
// acknowledgements. Nothing is changed but the address.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { literally } from '../literal.mjs'

export function literal(at) {
  const { connect, once, token } = literally(at)

  it('join is sent from the connect handler, chat is what chat-message brings', async () => {
    const [a, b] = [at.people.one('user'), at.people.one('Anamita Ghosh')]
    const { body: { conversation } } = await a.rest('POST', '/api/v1/conversations', { participant: { userId: b.id } })
    const socket = connect('', token(b))
    const other = connect('', { extraHeaders: { authorization: `Bearer ${a.token}` } })
    for (const s of [socket, other]) s.on('connect', () => { s.emit('join', conversation._id) })
    await Promise.all([once(socket, 'connect'), once(other, 'connect')])
    for (const s of [socket, other]) await s.timeout(30_000).emitWithAck('join', conversation._id) // the first ones are through
    const heard = [once(socket, 'chat-message'), once(other, 'chat-message')]
    await a.rest('POST', '/api/v1/conversations/messages', { conversationId: conversation._id, message: 'Test message' })
    for (const chat of await Promise.all(heard)) assert.equal(chat.content, 'Test message')
  })
}
