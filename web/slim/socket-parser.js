// Text packets of Socket.IO 5: type, "/namespace,", an acknowledgement's number, JSON.
import { Emitter } from '@socket.io/component-emitter'

export const protocol = 5
export const PacketType = { CONNECT: 0, DISCONNECT: 1, EVENT: 2, ACK: 3, CONNECT_ERROR: 4, BINARY_EVENT: 5, BINARY_ACK: 6 }

export class Encoder {
  encode({ type, nsp, id, data }) {
    return [type + (nsp && nsp !== '/' ? `${nsp},` : '') + (id ?? '') + (data === undefined ? '' : JSON.stringify(data))]
  }
}

export class Decoder extends Emitter {
  add(text) {
    const [, type, nsp = '/', id, data] = /^([0-4])(?:(\/[^,]*),)?(\d+)?([^]*)$/.exec(text) ?? []
    if (!type) throw new Error('invalid format')
    this.emitReserved('decoded', {
      type: +type, nsp, ...(id && { id: +id }), ...(data && { data: JSON.parse(data) }),
    })
  }

  destroy() {}
}
