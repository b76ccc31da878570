// Text frames of Engine.IO 4: one digit for the type, then the data.
const types = ['open', 'close', 'ping', 'pong', 'message', 'upgrade', 'noop']
const separator = '\x1e'

export const protocol = 4

export function encodePacket({ type, data }, _supportsBinary, give) {
  give(types.indexOf(type) + (data ?? ''))
}

export function decodePacket(text) {
  const type = typeof text === 'string' && types[text[0]]
  return type ? { type, data: text.slice(1) } : { type: 'error', data: 'parser error' }
}

export function encodePayload(packets, give) {
  give(packets.map(({ type, data }) => types.indexOf(type) + (data ?? '')).join(separator))
}

export const decodePayload = (text) => text.split(separator).map(decodePacket)
