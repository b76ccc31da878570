// The document of the real-time messaging system, line by line: its events.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, transports } from '../../lib/device.mjs'
import { meeting, messageKeys, text } from './people.mjs'

export function events(at) {
  const { pair, group, say } = meeting(at)

  for (const transport of Object.keys(transports)) {
    it(`send_message, typing and mark_read, over ${transport}`, async () => {
      const { a, b, conversationId } = await pair()
      const [sa, sb] = [await a.open({ transport }), await b.open({ transport })]
      sa.channel.tell('send_message', { conversationId, content: 'Hello, world!' })
      const sent = await sa.channel.next('message_sent')
      const { message } = sent
      assert.deepEqual(sent, { message })
      assert.deepEqual(Object.keys(message).toSorted(), messageKeys)
      subset(message, { conversation: conversationId, sender: a.id, content: 'Hello, world!', attachments: [], readBy: null, isDeleted: false })
      const received = await sb.channel.next('new_message')
      assert.deepEqual(received, { message, conversation: received.conversation })
      subset(received.conversation, { _id: conversationId, isGroup: false })
      for (const isTyping of [true, false]) {
        sb.channel.tell('typing', { conversationId, isTyping })
        assert.deepEqual(await sa.channel.next('typing_indicator'), { conversationId, userId: b.id, isTyping })
      }
      sb.channel.tell('mark_read', { messageId: message._id })
      assert.deepEqual(await sa.channel.next('message_read'), { messageId: message._id, readBy: b.id, conversationId })
      assert.equal(sa.channel.count('new_message'), 0, 'new_message is for the others')
      assert.equal(sb.channel.count('message_sent'), 0, 'message_sent is for the sender')
      assert.equal(sb.channel.count('typing_indicator'), 0, 'typing_indicator is for the others')
    })

    it(`what was missed comes as new_message, oldest first, each once, on connecting, over ${transport}`, async () => {
      const { a, b, conversationId } = await pair()
      const texts = ['one', 'two', 'three']
      for (const content of texts) await say(a, conversationId, content)
      const sb = await b.open({ transport })
      for (const content of texts) subset(await sb.channel.next('new_message'), { message: { content }, conversation: { _id: conversationId } })
      await say(a, conversationId, 'four')
      subset(await sb.channel.next('new_message'), { message: { content: 'four' } })
      assert.equal(sb.channel.count('new_message'), 4)
    })
  }

  it('what has arrived does not come again', async () => {
    const { a, b, conversationId } = await pair()
    await say(a, conversationId, 'one')
    const first = await b.open()
    await first.channel.next('new_message')
    const admin = at.server.token({ userId: 1, userType: 'admin' })
    for (const deadline = Date.now() + 30_000; ;) { // a heartbeat proves that it has arrived
      const { body } = await at.server.rest('GET', `/api/v1/admin/chats/${conversationId}`, { token: admin })
      if (body.data.members.find((m) => String(m.userId) === b.id).deliveredSeq === 1) break
      assert.ok(Date.now() < deadline, JSON.stringify(body.data.members))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    first.close()
    await say(a, conversationId, 'two')
    const second = await b.open()
    subset(await second.channel.next('new_message'), { message: { content: 'two' } })
    assert.equal(second.channel.count('new_message'), 1)
  })

  it('messages written at once come in one order to everybody in a group', async () => {
    const { a, b, c, conversationId } = await group()
    const [sa, sb, sc] = [await a.open(), await b.open(), await c.open()]
    const texts = Array.from({ length: 20 }, (_, n) => `at once ${n}`)
    await Promise.all(texts.map((content, n) => (n % 2 ? sa : sb).channel.emit('send_message', { conversationId, content })))
    const heard = []
    for (const _ of texts) heard.push((await sc.channel.next('new_message')).message._id)
    assert.deepEqual((await c.rest('GET', `/api/message/${conversationId}`)).body.map((m) => m._id), heard)
    assert.equal(sc.channel.count('new_message'), texts.length)
    assert.deepEqual([sa.channel.count('message_sent'), sa.channel.count('new_message')], [10, 10])
  })

  it('a group hears who is typing', async () => {
    const { a, b, c, conversationId } = await group()
    const [sa, sb, sc] = [await a.open(), await b.open(), await c.open()]
    for (const isTyping of [true, false]) {
      sb.channel.tell('typing', { conversationId, isTyping })
      for (const s of [sa, sc]) assert.deepEqual(await s.channel.next('typing_indicator'), { conversationId, userId: b.id, isTyping })
    }
  })

  it('errors are exactly error {message}; never appError', async () => {
    const { conversationId } = await pair()
    const stranger = await at.people.one().open()
    for (const [event, payload] of [
      ['send_message', { conversationId, content: 'x' }],
      ['send_message', { conversationId }],
      ['send_message', {}],
      ['typing', { conversationId, isTyping: true }],
      ['typing', { conversationId: 'none', isTyping: true }],
      ['mark_read', { messageId: 'none' }],
      ['no_such_event', {}],
    ]) {
      const answer = await stranger.channel.emit(event, payload)
      subset(answer, { success: false, error: text }, event)
      assert.deepEqual(await stranger.channel.next('error'), { message: answer.error }, event)
    }
    assert.equal(stranger.channel.count('appError'), 0)
  })

  it('a token that is none, over websocket and polling, is told and cut', async () => {
    for (const transport of ['websocket', 'polling']) {
      const client = await at.people.one().open({ auth: { token: 'your-jwt-token' }, transport })
      assert.deepEqual(Object.keys(await client.channel.next('error')), ['message'])
      assert.equal(await client.channel.next('disconnect'), 'io server disconnect')
    }
  })
}
