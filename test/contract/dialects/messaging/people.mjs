// What the cases of this document begin with.
export const text = (s) => typeof s === 'string' && s.length > 0

// the keys of the document's two models, and ours beside them
export const conversationKeys = ['_id', 'createdAt', 'deletedAt', 'id', 'isDeleted', 'isGroup', 'lastMessage', 'participants', 'updatedAt']
export const messageKeys = ['_id', 'attachments', 'content', 'conversation', 'createdAt', 'deletedAt', 'id', 'isDeleted', 'readBy', 'readByAll', 'sender', 'updatedAt']

export function meeting(at) {
  const pair = async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const { body } = await a.rest('POST', '/api/conversation', { participants: [a.id, b.id], isGroup: false, groupName: 'Optional Group Name' })
    return { a, b, conversation: body, conversationId: body._id }
  }
  const group = async () => {
    const [a, b, c] = [at.people.one('Ann'), at.people.one('Bob'), at.people.one('Cleo')]
    const { status, body } = await a.rest('POST', '/api/conversation', { participants: [b.id, c.id], isGroup: true, groupName: 'Friends' })
    return { a, b, c, status, group: body, conversationId: body._id }
  }
  const say = async (who, conversationId, content, more) => (await who.rest('POST', '/api/message', { conversationId, content, ...more })).body
  const attach = async (who) => {
    const form = new FormData()
    form.append('file', new Blob([Buffer.from(pixel, 'base64')], { type: 'image/png' }), 'x.png')
    const res = await fetch(`${at.server.url}/api/attachment`, { method: 'POST', headers: { authorization: `Bearer ${who.token}` }, body: form })
    return { status: res.status, body: await res.json() }
  }
  return { pair, group, say, attach }
}

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
