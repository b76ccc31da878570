// What the document shows, as it shows it: the stock client's own io(address), handlers and no
// acknowledgements. Nothing is changed but the address.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { literally } from '../literal.mjs'

export function literal(at) {
  const { connect, once, token } = literally(at)

  it('the address carries the name of the contract', async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const [sa, sb] = [a, b].map((who) => connect('/chat?dialect=nestchat', token(who)))
    await Promise.all([once(sa, 'connect'), once(sb, 'connect')])
    await sb.timeout(30_000).emitWithAck('leaveConversation', { convId: 1 }) // refused, and behind it B is let in
    const created = [once(sa, 'conversationCreated'), once(sb, 'conversationCreated')]
    sa.emit('createConversation', { user2_id: b.number })
    const [{ conversation, participants }] = await Promise.all(created)
    assert.deepEqual(participants.map((p) => p.id), [a.number, b.number])
    const heard = [once(sa, 'newMessage'), once(sb, 'newMessage')]
    sa.emit('sendMessage', { convId: conversation.id, message: { message: 'Hello, how are you?' } })
    for (const { message, sender } of await Promise.all(heard)) assert.deepEqual([message.message, sender.id], ['Hello, how are you?', a.number])
    sb.emit('leaveConversation', { convId: conversation.id })
    assert.deepEqual(await once(sb, 'leftConversation'), { convId: conversation.id })
    await sa.timeout(30_000).emitWithAck('sendMessage', { convId: conversation.id, message: { message: 'missed' } })
    const { body } = await b.rest('GET', `/chats/${conversation.id}/messages`)
    assert.deepEqual(body.map((m) => m.message), ['Hello, how are you?', 'missed'])
    sb.emit('joinConversation', { convId: conversation.id })
    assert.deepEqual(await once(sb, 'joinedConversation'), { convId: conversation.id })
  })
}
