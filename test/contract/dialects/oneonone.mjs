// The document of the one-to-one chat, line by line.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time, transports } from '../lib/device.mjs'

export function oneonone(at) {
  it('starts a conversation: the invited one first, no messages; the same pair again is the same conversation', async () => {
    const [a, b] = [at.people.one('user'), at.people.one('Anamita Ghosh')]
    await b.open() // a name is known once its owner has shown a token
    const first = await a.rest('POST', '/api/v1/conversations', { participant: { userId: b.id } })
    assert.equal(first.status, 201)
    subset(first.body, { success: true, conversation: { messages: [], __v: 0 } })
    const { conversation } = first.body
    assert.deepEqual(conversation.participants.map(({ userId, userName }) => ({ userId, userName })), [{ userId: b.id, userName: 'Anamita Ghosh' }, { userId: a.id, userName: 'user' }])
    for (const p of conversation.participants) assert.equal(typeof p._id, 'string')
    const again = await b.rest('POST', '/api/v1/conversations', { participant: { userId: a.id } })
    assert.equal(again.status, 200)
    assert.deepEqual(again.body.conversation, conversation)
  })

  for (const transport of Object.keys(transports)) {
    it(`who has joined hears chat-message, the sender too, over ${transport}`, async () => {
      const [a, b] = [at.people.one('user'), at.people.one('Anamita Ghosh')]
      const { body: { conversation } } = await a.rest('POST', '/api/v1/conversations', { participant: { userId: b.id } })
      const [sa, sb, idle] = [await a.open({ transport }), await b.open({ transport }), await b.open({ transport })]
      for (const s of [sa, sb]) subset(await s.channel.emit('join', conversation._id), { success: true })
      const texts = ['Hi this is user', 'Test message']
      for (const [n, message] of texts.entries()) {
        const { status, body } = await a.rest('POST', '/api/v1/conversations/messages', { conversationId: conversation._id, message })
        assert.equal(status, 201)
        subset(body, { success: true, message: 'Message sent successfully.' })
        assert.deepEqual(body.conversation.messages.map((m) => m.content), texts.slice(0, n + 1))
        assert.deepEqual(body.conversation.participants.map((p) => p._id), conversation.participants.map((p) => p._id))
        const sent = body.conversation.messages.at(-1)
        subset(sent, { senderId: a.id, receiverId: b.id, content: message, timeStamp: time, _id: (id) => typeof id === 'string' })
        for (const s of [sa, sb]) assert.deepEqual(await s.channel.next('chat-message'), { ...sent, conversationId: conversation._id })
      }
      assert.equal(idle.channel.count('chat-message'), 0, 'a socket that has not joined')
    })
  }

  it('strangers neither join, read nor write', async () => {
    const [a, b, stranger] = [at.people.one(), at.people.one(), at.people.one()]
    const { body: { conversation } } = await a.rest('POST', '/api/v1/conversations', { participant: { userId: b.id } })
    const spy = await stranger.open()
    subset(await spy.channel.emit('join', conversation._id), { success: false })
    const refused = await stranger.rest('POST', '/api/v1/conversations/messages', { conversationId: conversation._id, message: 'x' })
    assert.equal(refused.status, 404)
    subset(refused.body, { success: false, message: (m) => m.length > 0 })
    await a.rest('POST', '/api/v1/conversations/messages', { conversationId: conversation._id, message: 'secret' })
    subset(await spy.channel.emit('join', 'sentinel'), { success: false })
    assert.ok(!JSON.stringify(spy.channel.all).includes('secret'))
    assert.ok(!spy.channel.names().includes('appError'))
  })

  it('mistakes are told as {success:false, message}', async () => {
    const a = at.people.one()
    for (const [path, body, status] of [
      ['/api/v1/conversations', { participant: { userId: a.id } }, 400],
      ['/api/v1/conversations', { participant: {} }, 400],
      ['/api/v1/conversations/messages', { conversationId: 'no-such', message: 'x' }, 404],
    ]) {
      const answer = await a.rest('POST', path, body)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      subset(answer.body, { success: false, message: (m) => m.length > 0 })
    }
    const nobody = await at.server.rest('POST', '/api/v1/conversations', { body: { participant: { userId: a.id } } })
    assert.equal(nobody.status, 401)
    subset(nobody.body, { success: false })
  })

  it('older messages than the newest hundred come by before', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const { body: { conversation } } = await a.rest('POST', '/api/v1/conversations', { participant: { userId: b.id } })
    let last
    for (let n = 1; n <= 103; n++) last = await a.rest('POST', '/api/v1/conversations/messages', { conversationId: conversation._id, message: String(n) })
    const { messages } = last.body.conversation
    assert.deepEqual([messages.length, messages[0].content, messages.at(-1).content], [100, '4', '103'])
    const older = await b.rest('GET', `/api/v1/conversations/${conversation._id}?before=${messages[0]._id}`)
    assert.deepEqual(older.body.conversation.messages.map((m) => m.content), ['1', '2', '3'])
  })
}
