// The part of an address that the client needs; it is always an absolute one here.
export function parse(address) {
  const { protocol, hostname, port, pathname, search } = new URL(address)
  return { protocol: protocol.slice(0, -1), host: hostname, port, path: pathname, query: search.slice(1) }
}

export const encode = (query) => String(new URLSearchParams(query))
export const decode = (text) => Object.fromEntries(new URLSearchParams(text))
