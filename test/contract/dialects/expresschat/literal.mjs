// What the document shows, as it shows it: the stock client's own io(address), handlers and no
// acknowledgements. Nothing is changed but the address.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { literally } from '../literal.mjs'
import { signedUp } from './account.mjs'

export function literal(at) {
  const { connect, once } = literally(at)

  it('cookies of the log-in are the pair; the self chat has the id of its user', async () => {
    const who = await signedUp(at.server, 'Literal')
    const socket = connect('', { extraHeaders: { cookie: who.cookies } })
    const order = []
    socket.onAny((name) => order.push(name))
    const list = once(socket, 'group-chat-list')
    const { userId } = await once(socket, 'user-id')
    await list
    assert.deepEqual(order, ['user-id', 'personal-chat-list', 'group-chat-list'])
    await socket.timeout(30_000).emitWithAck('send-self-message', { Content: 'milk' })
    const self = once(socket, 'personal-chat')
    socket.emit('fetch-personal-chat', { ChatId: userId, Partner: 'Literal' })
    assert.deepEqual((await self).Messages.map((m) => m.Content), ['milk'])
  })
}
